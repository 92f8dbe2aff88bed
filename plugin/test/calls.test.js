import assert from "node:assert/strict";
import { test } from "node:test";
import { Calls } from "../calls.js";

const CALL = { tool: "exec", toolCallId: "t", runId: "r", sessionKey: "agent:main:main" };

function gateOf() {
  const gate = { asked: [], away: false };
  gate.ask = async (method, params) => {
    if (gate.away) throw new Error("away");
    gate.asked.push([method, params]);
    return {};
  };
  return gate;
}

test("a call that ran is told once it ended", async () => {
  const gate = gateOf();
  const calls = new Calls(gate);
  calls.note(CALL, "allowed");
  calls.ended(CALL, true);
  await calls.reported; // a command that failed has run
  assert.deepEqual(gate.asked, [["hook.ran", { calls: [{ ...CALL, away: false }] }]]);
});

test("a refused call is told of only when it ran all the same", async () => {
  const gate = gateOf();
  const calls = new Calls(gate);
  calls.note(CALL, "refused");
  calls.ended(CALL, true);
  await calls.reported;
  assert.deepEqual(gate.asked, []);
  calls.note(CALL, "refused");
  calls.ended(CALL, false);
  await calls.reported;
  assert.equal(gate.asked.length, 1);
});

test("a held call that a person allowed has run when it ends", async () => {
  const gate = gateOf();
  const calls = new Calls(gate);
  calls.note(CALL, "refused");
  await calls.resolved(CALL, "dec_1", "allow-once");
  calls.ended(CALL, true);
  await calls.reported;
  assert.deepEqual(gate.asked.map(([method]) => method), ["hook.resolved", "hook.ran"]);
});

test("calls that nobody was asked about are told as such", async () => {
  const gate = gateOf();
  const calls = new Calls(gate);
  calls.ended(CALL, false); // never seen before it ran
  await calls.reported;
  assert.equal(gate.asked[0][1].calls[0].away, false);
});

test("what ran while the daemon was away is told when it is back, and kept within bounds", async () => {
  const gate = gateOf();
  const calls = new Calls(gate);
  gate.away = true;
  for (let number = 0; number < 300; number++) {
    const call = { ...CALL, toolCallId: String(number) };
    calls.note(call, "away");
    calls.ended(call, false);
  await calls.reported;
  }
  gate.away = false;
  calls.ended(CALL, false);
  await calls.reported;
  const [[, { calls: told }]] = gate.asked;
  assert.equal(told.length, 200);
  assert.equal(told[0].away, true);
});
