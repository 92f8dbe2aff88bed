// What became of each call, told to the daemon, which sets every execution against its decision. Nothing here decides.

const MOST_CALLS = 2000; // remembered between the question and the end of the call
const MOST_UNREPORTED = 200; // executions kept while the daemon is away

export class Calls {
  #gate;
  #said = new Map(); // call -> "allowed", "refused" or "away" (let through without asking)
  #unreported = [];
  reported = Promise.resolve(); // the newest report

  constructor(gate) {
    this.#gate = gate;
  }

  /** What the call was told before it ran. */
  note(call, said) {
    this.#said.set(keyOf(call), said);
    if (this.#said.size > MOST_CALLS) this.#said.delete(this.#said.keys().next().value);
  }

  /** A person answered in OpenClaw for a call that was held. */
  resolved(call, heldId, resolution) {
    if (resolution === "allow-once" || resolution === "allow-always") this.note(call, "allowed");
    const { runId, toolCallId } = call;
    return this.#tell("hook.resolved", { runId, toolCallId, heldId, resolution });
  }

  /** The call ended; whether it ran. One that was refused ends with an error; without one it ran all the same. */
  ended(call, failed) {
    const said = this.#said.get(keyOf(call));
    this.#said.delete(keyOf(call));
    if (said === "refused" && failed) return false;
    if (this.#unreported.length < MOST_UNREPORTED) this.#unreported.push({ ...call, away: said === "away" });
    this.reported = this.#report();
    return true;
  }

  async #report() {
    const calls = this.#unreported;
    this.#unreported = [];
    if (!(await this.#tell("hook.ran", { calls }))) {
      this.#unreported = [...calls, ...this.#unreported].slice(0, MOST_UNREPORTED); // told with the next one
    }
  }

  async #tell(what, params) {
    try {
      await this.#gate.ask(what, params);
      return true;
    } catch {
      return false;
    }
  }
}

function keyOf({ runId, toolCallId }) {
  return `${runId}/${toolCallId}`;
}
