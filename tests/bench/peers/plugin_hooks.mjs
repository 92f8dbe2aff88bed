// usage: node plugin_hooks.mjs SOCKET CALLS < commands.json
// Calls our plugin's before_tool_call hook one call after the other, as an agent's turn does, and prints how long each
// took, in milliseconds. The hook is awaited by OpenClaw, so this is what it adds to a call.
import { readFileSync } from "node:fs";
import { createHooks } from "../../../plugin/hooks.js";
import { Gate } from "../../../plugin/gate.js";

const [socket, calls] = process.argv.slice(2);
const commands = JSON.parse(readFileSync(0, "utf8"));
const gate = new Gate({ socket });
const hooks = createHooks(gate);
const took = [];
let refused = 0;
const call = async (number) => {
  const params = { command: commands[number % commands.length].replaceAll("NUMBER", number), workdir: "/work" };
  const event = { toolName: "exec", params, runId: `run-${number >> 3}`, toolCallId: `call-${number}` };
  const began = performance.now();
  if (await hooks.before_tool_call(event, { sessionKey: "agent:main:main", agentId: "main" })) refused++;
  return performance.now() - began;
};
for (let number = 0; number < 200; number++) await call(1_000_000 + number); // warm
refused = 0;
for (let number = 1; number <= Number(calls); number++) took.push(await call(number));
gate.close();
console.log(JSON.stringify({ took, refused }));
