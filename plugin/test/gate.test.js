import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import http from "node:http";
import { Gate, Unreachable } from "../gate.js";

let folder, path, server, seen, sockets, answer;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gate-"));
  path = join(folder, "sock");
  seen = [];
  sockets = new Set();
  answer = (frame) => ({ type: "res", id: frame.id, ok: true, payload: { echo: frame.method } });
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
  rmSync(folder, { recursive: true });
});

function listen() {
  server = createServer((socket) => {
    sockets.add(socket);
    let rest = "";
    socket.on("error", () => {});
    socket.on("data", (data) => {
      const lines = (rest + data).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const frame = JSON.parse(line);
        seen.push(frame);
        const reply = answer(frame);
        if (reply) socket.write(JSON.stringify(reply) + "\n");
      }
    });
  });
  return new Promise((resolve) => server.listen(path, resolve));
}

test("one connection carries all questions, answers in any order", async () => {
  const waiting = [];
  answer = (frame) => { waiting.push(frame); };
  await listen();
  const gate = new Gate({ socket: path });
  const all = ["a", "b", "c"].map((name) => gate.ask(name, {}));
  while (waiting.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  const [socket] = sockets;
  for (const frame of waiting.toReversed()) {
    socket.write(JSON.stringify({ type: "res", id: frame.id, ok: true, payload: frame.method }) + "\n");
  }
  assert.deepEqual(await Promise.all(all), ["a", "b", "c"]);
  assert.equal(sockets.size, 1);
  gate.close();
});

test("nobody there", async () => {
  const gate = new Gate({ socket: path });
  await assert.rejects(gate.ask("x", {}), Unreachable);
  await assert.rejects(gate.ask("x", {}), /a moment ago|not reachable/);
});

test("a daemon that dies during a call rejects it at once, and is found again when it is back", async () => {
  answer = () => null;
  await listen();
  const gate = new Gate({ socket: path });
  const asked = gate.ask("x", {});
  while (!seen.length) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const socket of sockets) socket.destroy();
  await assert.rejects(asked, /not reachable/);
  answer = (frame) => ({ type: "res", id: frame.id, ok: true, payload: "back" });
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.equal(await gate.ask("x", {}), "back");
  gate.close();
});

test("no answer in time", async () => {
  answer = () => null;
  await listen();
  const gate = new Gate({ socket: path, timeoutMs: 60 });
  await assert.rejects(gate.ask("x", {}), /no answer within 60 ms/);
  gate.close();
});

test("an aborted tool call stops waiting", async () => {
  answer = () => null;
  await listen();
  const gate = new Gate({ socket: path });
  const controller = new AbortController();
  const asked = gate.ask("x", {}, controller.signal);
  controller.abort(new Error("cancelled"));
  await assert.rejects(asked, /cancelled/);
  gate.close();
});

test("an error frame and nonsense are not verdicts", async () => {
  answer = (frame) => ({ type: "res", id: frame.id, ok: false, error: { message: "unknown hook" } });
  await listen();
  const gate = new Gate({ socket: path });
  await assert.rejects(gate.ask("x", {}), /unknown hook/);
  answer = () => null;
  const asked = gate.ask("x", {});
  while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const socket of sockets) socket.write("{nonsense\n");
  await assert.rejects(asked, Unreachable);
  gate.close();
});

test("HTTP is asked when the socket is not there", async () => {
  const web = http.createServer((request, response) => {
    let body = "";
    request.on("data", (data) => { body += data; });
    request.on("end", () => {
      const frame = JSON.parse(body);
      response.end(JSON.stringify({ type: "res", id: frame.id, ok: true, payload: { over: request.url } }));
    });
  });
  await new Promise((resolve) => web.listen(0, "127.0.0.1", resolve));
  const gate = new Gate({ socket: path, url: `http://127.0.0.1:${web.address().port}/` });
  assert.deepEqual(await gate.ask("x", {}), { over: "/guard/ask" });
  web.close();
});

test("no more questions than the bound", async () => {
  answer = () => null;
  await listen();
  const gate = new Gate({ socket: path, timeoutMs: 200 });
  const all = Array.from({ length: 300 }, () => gate.ask("x", {}).catch((error) => error.message));
  const messages = await Promise.all(all);
  assert.ok(messages.some((message) => message === "too many questions are waiting"));
  gate.close();
});
