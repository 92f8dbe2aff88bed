// clawgate inside an OpenClaw gateway: asks the daemon before each tool call and agent run, and reports what tools
// return and what leaves. The daemon's policies decide; this file only carries the question and enforces the answer.

import { definePluginEntry } from "openclaw/plugin-sdk/plugin-entry";
import { createHooks } from "./hooks.js";
import { Gate } from "./gate.js";

export default definePluginEntry({
  id: "clawgate",
  name: "clawgate",
  description: "Asks the clawgate daemon before every tool call and agent run.",
  register(api) {
    const config = api.pluginConfig ?? {};
    const hooks = createHooks(new Gate(config), config);
    // First in line: what is blocked here, nobody else needs to look at.
    for (const [name, handler] of Object.entries(hooks)) api.on(name, handler, { priority: 1000 });
  },
});
