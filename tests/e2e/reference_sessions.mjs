// Session calls and queue modes by the published reference client; prints what came back as one JSON object.
// usage: node reference_sessions.mjs WS_URL TOKEN PLAN_FILE   (OPENCLAW_LAB_MODULES holds node_modules)
// The plan: {calls: [[method, params], ...], modes: [mode, ...], pauses: [ms, ms]}
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [url, token, planFile] = process.argv.slice(2);
const plan = JSON.parse(fs.readFileSync(planFile, "utf8"));
const root = path.join(process.env.OPENCLAW_LAB_MODULES, "node_modules", "@openclaw", "gateway-client");
const main = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")).main;
const { GatewayClient } = await import(pathToFileURL(path.join(root, main)).href);

const events = [];
let welcome, refuse;
const hello = new Promise((done, failed) => ([welcome, refuse] = [done, failed]));
const client = new GatewayClient({
  url, token, role: "operator", scopes: ["operator.admin", "operator.read", "operator.write"],
  clientName: "gateway-client", mode: "backend", clientVersion: "0.0.1", clientDisplayName: "lab",
  deviceIdentity: null, hostDeps: {},
  onHelloOk: welcome, onConnectError: refuse,
  onEvent: (event) => events.push(event),
});
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const outcome = async (method, params) => {
  try {
    return { ok: true, payload: await client.request(method, params) };
  } catch (error) {
    const message = error.message.replace(/^(Gateway)?RequestError: |^Error: /, "");
    return { ok: false, error: { code: error.gatewayCode, message, details: error.details } };
  }
};

client.start();
await hello;
const said = { calls: [], modes: {} };
for (const [method, params] of plan.calls ?? []) said.calls.push(await outcome(method, params));

for (const mode of plan.modes ?? []) {
  const sessionKey = `agent:main:${mode}`;
  await client.request("sessions.messages.subscribe", { key: sessionKey });
  const from = events.length;
  const acks = [];
  for (const [message, queueMode, pause] of [["r1", undefined, plan.pauses[0]], ["m2", mode, plan.pauses[1]], ["m3", mode, 0]]) {
    const answer = await client.request("chat.send", { sessionKey, message, idempotencyKey: `${message}-${mode}`, queueMode });
    acks.push([message, answer.status, ...(answer.interruptedActiveRun ? ["interruptedActiveRun"] : [])]);
    await sleep(pause);
  }
  for (let tries = 0; tries < 200; tries++) {
    const { session } = await client.request("sessions.describe", { key: sessionKey });
    const { pendingInputs } = await client.request("chat.history", { sessionKey, limit: 1 });
    if (!session.hasActiveRun && pendingInputs.total === 0) break;
    await sleep(50);
  }
  const { messages } = await client.request("chat.history", { sessionKey });
  said.modes[mode] = {
    acks,
    transcript: messages,
    chat: events.slice(from).filter((e) => e.event === "chat" && e.payload.sessionKey === sessionKey).map((e) => e.payload),
  };
}
await (client.stopAndWait?.() ?? client.stop());
console.log(JSON.stringify(said));
process.exit(0);
