import assert from "node:assert/strict";
import { test } from "node:test";
import { Unreachable } from "../gate.js";
import { waitForAnswer } from "../waiting.js";

/** A gate that answers one of `states` after the other; an Error is thrown. */
function gateOf(...states) {
  return {
    async ask(method, { heldId }) {
      assert.deepEqual([method, heldId], ["hook.review", "dec_1"]);
      const state = states.length > 1 ? states.shift() : states[0];
      if (state instanceof Error) throw state;
      return { state };
    },
  };
}

for (const state of ["approved", "denied", "expired"]) {
  test(`waits until it is ${state}`, async () => {
    assert.equal(await waitForAnswer(gateOf("pending", "pending", state), "dec_1", 5000, undefined, 1), state);
  });
}

test("gives up in time", async () => {
  assert.equal(await waitForAnswer(gateOf("pending"), "dec_1", 30, undefined, 5), "expired");
});

test("a daemon that is away meanwhile is asked again", async () => {
  assert.equal(await waitForAnswer(gateOf("pending", new Unreachable("gone"), "approved"), "dec_1", 5000, undefined, 1), "approved");
});

test("a run that is aborted stops waiting", async () => {
  const controller = new AbortController();
  const waiting = waitForAnswer(gateOf("pending"), "dec_1", 5000, controller.signal, 5);
  controller.abort(new Error("cancelled"));
  await assert.rejects(waiting);
});
