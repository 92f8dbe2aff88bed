import assert from "node:assert/strict";
import { test } from "node:test";
import { Unreachable } from "../gate.js";
import { probe, startHeartbeat } from "../heartbeat.js";
import { createHooks } from "../hooks.js";

function gateOf(enforced) {
  const asked = [];
  return {
    asked,
    async ask(method, params) {
      asked.push([method, params]);
      if (enforced instanceof Error) throw enforced;
      return { enforced, verdict: enforced, rules: ["canary.probe"], decisionId: "dec_1" };
    },
  };
}

for (const [enforced, bites] of [["block", true], ["allow", false], ["review", false], [new Unreachable("gone"), false]]) {
  test(`a probe that meets ${enforced} ${bites ? "bites" : "does not bite"}`, async () => {
    const gate = gateOf(enforced);
    assert.equal(await probe(createHooks(gate)), bites);
    assert.match(gate.asked[0][1].arguments.command, /^clawgate-canary-[0-9a-f]{32}$/);
  });
}

test("a beat says who the plugin is and whether the gate bites", async () => {
  const gate = gateOf("block");
  const beating = startHeartbeat(gate, createHooks(gate), { review: "openclaw" });
  await beating.first;
  beating.stop();
  const [method, params] = gate.asked.at(-1);
  assert.equal(method, "hook.hello");
  assert.deepEqual([params.review, params.canary], ["openclaw", true]);
  assert.match(params.version, /^\d+\./);
});

test("a daemon that is away stops no heartbeat", async () => {
  const gate = gateOf(new Unreachable("gone"));
  const beating = startHeartbeat(gate, createHooks(gate), {});
  await beating.first;
  beating.stop();
});
