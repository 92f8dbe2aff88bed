// One conversation by the published reference client, with a signed device; prints what happened as one JSON object.
// usage: node reference_client.mjs WS_URL TOKEN BLOCKED_MESSAGE   (OPENCLAW_LAB_MODULES holds node_modules)
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [url, token, blockedMessage] = process.argv.slice(2);
const root = path.join(process.env.OPENCLAW_LAB_MODULES, "node_modules", "@openclaw", "gateway-client");
const main = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")).main;
const { GatewayClient } = await import(pathToFileURL(path.join(root, main)).href);

const rawKey = (pem) => crypto.createPublicKey(pem).export({ type: "spki", format: "der" }).subarray(-32);
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const keys = crypto.generateKeyPairSync("ed25519");
const publicKeyPem = keys.publicKey.export({ type: "spki", format: "pem" });
const privateKeyPem = keys.privateKey.export({ type: "pkcs8", format: "pem" });
const deviceId = crypto.createHash("sha256").update(rawKey(publicKeyPem)).digest("hex");

const said = { events: {}, gaps: 0 };
const waiting = [];
let welcome, refuse;
const hello = new Promise((done, failed) => ([welcome, refuse] = [done, failed]));
const client = new GatewayClient({
  url, token, role: "operator", scopes: ["operator.read", "operator.write"], caps: ["tool-events"],
  clientName: "test", mode: "test", clientVersion: "0.0.1", clientDisplayName: "reference",
  deviceIdentity: { deviceId, publicKeyPem, privateKeyPem },
  hostDeps: {
    signDevicePayload: (pem, text) => base64url(crypto.sign(null, Buffer.from(text, "utf8"), pem)),
    publicKeyRawBase64UrlFromPem: (pem) => base64url(rawKey(pem)),
    loadDeviceAuthToken: () => null,
    storeDeviceAuthToken: () => { said.deviceToken = true; },
    clearDeviceAuthToken: () => {},
  },
  onHelloOk: welcome,
  onConnectError: refuse,
  onGap: () => { said.gaps += 1; },
  onEvent: (event) => {
    const name = event.event === "chat" ? `chat:${event.payload.state}` : event.event;
    said.events[name] = (said.events[name] ?? 0) + 1;
    for (const wait of [...waiting]) if (wait.wanted(event)) { waiting.splice(waiting.indexOf(wait), 1); wait.done(event); }
  },
});
const next = (wanted) => new Promise((done, failed) => {
  waiting.push({ wanted, done });
  setTimeout(() => failed(new Error("the event did not come")), 15000).unref();
});
const outcome = async (promise) => {
  try { return await promise; } catch (error) { return { error: error.message, code: error.gatewayCode, details: error.details }; }
};

client.start();
const answer = await hello;
said.auth = { method: answer.auth.method, scopes: answer.auth.scopes };
const sessionKey = "agent:main:reference";
said.sessionsBefore = (await client.request("sessions.list", { limit: 20 })).sessions.length;
await client.request("sessions.subscribe", {});
await client.request("sessions.messages.subscribe", { key: sessionKey });

const idempotencyKey = crypto.randomUUID();
const message = { sessionKey, message: "Hello there.", idempotencyKey };
const final = next((event) => event.event === "chat" && event.payload.state === "final");
said.send = await client.request("chat.send", message);
said.reply = (await final).payload.message.content[0].text;
said.again = await client.request("chat.send", message);
said.abort = await client.request("chat.abort", { sessionKey });
const told = next((event) => event.event === "chat" && event.payload.state === "error");
said.blocked = await outcome(client.request("chat.send", { sessionKey, message: blockedMessage, idempotencyKey: crypto.randomUUID() }));
said.told = (await told).payload.errorMessage;
said.history = (await client.request("chat.history", { sessionKey, limit: 20 })).messages.map((row) => row.role);
said.sessionsAfter = (await client.request("sessions.list", { limit: 20 })).sessions.map((row) => row.key);
said.denied = await outcome(client.request("exec.approvals.get", {}));
await client.stopAndWait?.() ?? client.stop();
console.log(JSON.stringify(said));
process.exit(0);
