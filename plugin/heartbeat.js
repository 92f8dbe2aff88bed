// The plugin's sign of life: who it is, and whether a harmless probe is still refused on its way through the daemon.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

const BEAT_MS = 60_000;
const PROBE_MS = 3_600_000;
const { version } = JSON.parse(readFileSync(new URL("./package.json", import.meta.url), "utf8"));

/** Ask about a command that exists nowhere and that the daemon refuses under every policy. */
export async function probe(hooks) {
  const command = `clawgate-canary-${randomBytes(16).toString("hex")}`;
  const answer = await hooks.before_tool_call({ toolName: "exec", params: { command }, runId: "canary", toolCallId: command });
  return answer?.block === true && !answer.blockReason.includes("cannot be asked");
}

/** Beat at once and every minute, for as long as the gateway runs; returns what stops it. */
export function startHeartbeat(gate, hooks, facts, { beatMs = BEAT_MS, probeMs = PROBE_MS } = {}) {
  let canary = false;
  let probedAt = -Infinity;
  const beat = async () => {
    try {
      if (!canary || Date.now() - probedAt >= probeMs) {
        canary = await probe(hooks);
        probedAt = Date.now();
      }
      await gate.ask("hook.hello", { ...facts, version, canary });
    } catch {
      canary = false; // the daemon is away; probe again once it is back
    }
  };
  const timer = setInterval(beat, beatMs);
  timer.unref();
  return { first: beat(), stop: () => clearInterval(timer) };
}
