// A node that really runs what it is asked to, and an operator that asks: one JSON object per line in and out.
// usage: node guard_node.mjs OPERATOR_URL NODE_URL TOKEN HELPERS   (OPENCLAW_LAB_MODULES holds node_modules)
// in: {"argv": [...], "cwd": DIR, "id": ANY, "timeoutMs": N}   out: {"id", "ok", "payload" | "error"}, first {"ready": true}
import { spawn } from "node:child_process";
import crypto from "node:crypto";
import readline from "node:readline";

const [operatorUrl, nodeUrl, token, helpers] = process.argv.slice(2);
const { connect, identity, sleep } = await import(helpers);
const say = (value) => console.log(JSON.stringify(value));
const device = identity();
let node;

const run = (call) =>
  new Promise((done) => {
    const { command, cwd } = JSON.parse(call.paramsJSON);
    const child = spawn(command[0], command.slice(1), { cwd, stdio: "ignore" });
    child.on("error", () => done({ exitCode: 127 }));
    child.on("exit", (exitCode) => done({ exitCode }));
  });
const openNode = () =>
  connect({
    url: nodeUrl, token, name: "guard-node", device, role: "node", mode: "node", clientName: "node-host", scopes: [],
    caps: ["system"], commands: ["system.run"],
    onEvent: async (event) => {
      if (event.event !== "node.invoke.request") return;
      const { id, nodeId } = event.payload;
      const payloadJSON = JSON.stringify(await run(event.payload));
      await node.client.request("node.invoke.result", { id, nodeId, ok: true, payloadJSON }).catch(() => {});
    },
  });
const scopes = ["operator.admin", "operator.read", "operator.write", "operator.pairing", "operator.approvals"];
const operator = await connect({ url: operatorUrl, token, name: "guard-operator", device: identity(), scopes });
node = await openNode();
let pending = [];
for (let i = 0; i < 50 && pending.length === 0; i++) {
  await sleep(200);
  pending = (await operator.req("node.pair.list", {})).pending.filter((each) => each.nodeId === device.deviceId);
}
for (const { requestId } of pending) await operator.req("node.pair.approve", { requestId });
await node.stop();
node = await openNode();
await sleep(500);
say({ ready: true });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { id, argv, cwd, timeoutMs = 5000 } = JSON.parse(line);
  const params = {
    nodeId: device.deviceId, command: "system.run", params: { command: argv, cwd }, timeoutMs,
    idempotencyKey: crypto.randomUUID(),
  };
  operator.client.request("node.invoke", params, { timeoutMs: 120000 }).then(
    (result) => say({ id, ok: true, payload: result.payload ?? JSON.parse(result.payloadJSON) }),
    (error) => say({ id, ok: false, error: error.message, details: error.details ?? null }),
  );
}
await node.stop();
await operator.stop();
