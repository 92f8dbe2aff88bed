// clawgate inside an OpenClaw gateway: asks the daemon before each tool call and agent run, and reports what tools
// return, what ran and what leaves. The daemon's policies decide; this file only carries the question and enforces the
// answer.

import { definePluginEntry } from "openclaw/plugin-sdk/plugin-entry";
import { Gate } from "./gate.js";
import { startHeartbeat } from "./heartbeat.js";
import { createHooks } from "./hooks.js";

const FIRST = 1000; // first in line: what is blocked here, nobody else needs to look at
const MOST_HOOK_MS = 600_000; // upstream's cap on a hook's budget
const ASKING_MS = 15_000; // beside the wait for a person

export default definePluginEntry({
  id: "clawgate",
  name: "clawgate",
  description: "Asks the clawgate daemon before every tool call and agent run.",
  register(api) {
    const config = api.pluginConfig ?? {};
    const gate = new Gate(config);
    const hooks = createHooks(gate, config);
    const review = config.review ?? "openclaw";
    // A call that waits for `clawgate review` waits inside the hook.
    const waitMs = review === "clawgate" ? Math.min((config.approvalTimeoutMs ?? MOST_HOOK_MS) + ASKING_MS, MOST_HOOK_MS) : null;
    for (const [name, handler] of Object.entries(hooks)) {
      const budget = name === "before_tool_call" && waitMs ? { timeoutMs: waitMs } : {};
      api.on(name, handler, { priority: FIRST, ...budget });
    }
    let heartbeat = null;
    api.on("gateway_start", () => {
      heartbeat = startHeartbeat(gate, hooks, { review, openclaw: api.runtime?.version });
    });
    api.on("gateway_stop", () => {
      heartbeat?.stop();
      gate.close();
    });
  },
});
