// The connection to the daemon: one Unix socket kept open, one JSON frame a line each way; loopback HTTP when the
// socket cannot be reached. Nothing here decides anything.

import { readFile } from "node:fs/promises";
import { connect } from "node:net";

const MOST_PENDING = 256;
const MOST_ANSWER_BYTES = 1024 * 1024;
const RETRY_MS = [50, 200, 1000, 5000];

/** Thrown when no verdict could be had; the caller's fail mode decides. */
export class Unreachable extends Error {}

export class Gate {
  #options;
  #socket = null;
  #pending = new Map();
  #next = 1;
  #failures = 0;
  #retryAt = 0;

  constructor({ socket = "/run/clawgate/plugin.sock", url = null, tokenFile = null, timeoutMs = 5000 } = {}) {
    this.#options = { socket, url, tokenFile, timeoutMs };
  }

  /** The daemon's verdict on one hook call. Rejects with Unreachable, or with the signal's reason when it aborts. */
  async ask(method, params, signal) {
    signal?.throwIfAborted();
    if (this.#pending.size >= MOST_PENDING) throw new Unreachable("too many questions are waiting");
    const id = String(this.#next++);
    const line = JSON.stringify({ type: "req", id, method, params });
    try {
      return await this.#overSocket(id, line, signal);
    } catch (error) {
      if (!(error instanceof Unreachable) || error.asked || !this.#options.url) throw error;
      return await this.#overHttp(line, signal);
    }
  }

  close() {
    this.#socket?.destroy();
    this.#drop(new Unreachable("closed"));
  }

  #overSocket(id, line, signal) {
    return new Promise((resolve, reject) => {
      const socket = this.#open();
      if (!socket) return reject(new Unreachable("the daemon's socket was not there a moment ago"));
      const settle = (act) => (value) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
        this.#pending.delete(id);
        act(value);
      };
      const entry = { resolve: settle(resolve), reject: settle(reject), written: false };
      const aborted = () => entry.reject(signal.reason);
      const timer = setTimeout(() => {
        const error = new Unreachable(`no answer within ${this.#options.timeoutMs} ms`);
        error.asked = entry.written; // then HTTP would only ask the same daemon again
        entry.reject(error);
      }, this.#options.timeoutMs);
      signal?.addEventListener("abort", aborted, { once: true });
      this.#pending.set(id, entry);
      socket.write(line + "\n", () => { entry.written = true; });
    });
  }

  #open() {
    if (this.#socket) return this.#socket;
    if (Date.now() < this.#retryAt) return null;
    const socket = connect(this.#options.socket);
    let received = "";
    socket.setEncoding("utf8");
    socket.unref(); // an idle connection keeps no process alive
    socket.on("connect", () => { this.#failures = 0; });
    socket.on("data", (text) => {
      received += text;
      const lines = received.split("\n");
      received = lines.pop();
      if (received.length > MOST_ANSWER_BYTES) return socket.destroy(new Error("answer too long"));
      for (const one of lines) this.#answered(one);
    });
    socket.on("error", () => {}); // `close` follows and tells the waiting ones
    socket.on("close", () => {
      if (this.#socket === socket) this.#socket = null;
      this.#retryAt = Date.now() + RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
      this.#drop(new Unreachable("the daemon's socket is not reachable"));
    });
    this.#socket = socket;
    return socket;
  }

  #answered(line) {
    let frame;
    try {
      frame = JSON.parse(line);
    } catch {
      return this.#socket?.destroy();
    }
    const entry = this.#pending.get(frame.id);
    if (!entry) return undefined;
    return frame.ok ? entry.resolve(frame.payload) : entry.reject(new Unreachable(frame.error?.message ?? "refused"));
  }

  #drop(error) {
    for (const entry of [...this.#pending.values()]) entry.reject(error);
  }

  async #overHttp(line, signal) {
    const { url, tokenFile, timeoutMs } = this.#options;
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      const token = tokenFile ? (await readFile(tokenFile, "utf8")).trim() : "";
      const response = await fetch(new URL("/guard/ask", url), {
        method: "POST",
        body: line,
        headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      });
      const frame = await response.json();
      if (frame.ok) return frame.payload;
      throw new Unreachable(frame.error?.message ?? `the daemon answered ${response.status}`);
    } catch (error) {
      if (error instanceof Unreachable || signal?.aborted) throw error;
      throw new Unreachable(`the daemon is not reachable: ${error.cause?.code ?? error.name}`);
    }
  }
}
