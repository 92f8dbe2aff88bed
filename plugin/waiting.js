// Waits for the person's answer to a held call, where `clawgate review` is what asks them.

import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 500;

/** "approved", "denied" or "expired". A daemon that is away meanwhile is asked again: held calls survive its restart. */
export async function waitForAnswer(gate, heldId, timeoutMs, signal, pollMs = POLL_MS) {
  const until = Date.now() + timeoutMs;
  while (Date.now() < until) {
    await sleep(Math.min(pollMs, until - Date.now()), undefined, { signal, ref: true });
    try {
      const { state } = await gate.ask("hook.review", { heldId }, signal);
      if (state !== "pending") return state;
    } catch (error) {
      if (signal?.aborted) throw error;
    }
  }
  return "expired";
}
