// One function per hook: from upstream's event to the daemon's question, and from its answer to upstream's result.

import { Calls } from "./calls.js";
import { classOf } from "./classes.js";
import { Unreachable } from "./gate.js";
import { waitForAnswer } from "./waiting.js";

const MOST_TEXT = 256 * 1024; // characters of one result or prompt; the daemon judges more slowly and no better past it
const MOST_TAINTED_RUNS = 1000;
const MOST_TITLE = 80; // upstream's own caps on what an approval shows
const MOST_DESCRIPTION = 512;

/** `review`: who asks the person about a held call, "openclaw" (its own approval) or "clawgate" (`clawgate review`). */
export function createHooks(gate, { approvalTimeoutMs = 600_000, failClosedPrompts = false, review = "openclaw" } = {}) {
  // Runs that have read something which tries to give orders: what they do next waits for a person.
  const tainted = new Map();
  const calls = new Calls(gate);

  const taint = (runId, verdict) => {
    if (!runId) return;
    tainted.set(runId, verdict);
    if (tainted.size > MOST_TAINTED_RUNS) tainted.delete(tainted.keys().next().value);
  };

  const hold = (call, title, description, heldId) => {
    calls.note(call, "refused"); // until somebody says otherwise
    return {
      requireApproval: {
        title: title.slice(0, MOST_TITLE), description: description.slice(0, MOST_DESCRIPTION), severity: "warning",
        timeoutMs: approvalTimeoutMs, allowedDecisions: ["allow-once", "deny"],
        onResolution: (resolution) => calls.resolved(call, heldId, resolution),
      },
    };
  };

  const block = (call, blockReason) => {
    calls.note(call, "refused");
    return { block: true, blockReason };
  };

  // The run has read something that gives orders: a person says whether it may still act. Leave is for the whole run.
  const afterOrders = async (call, read, signal) => {
    const what = `This run has read content that tries to give orders (${read.rules.join(", ")}). Decision ${read.decisionId}.`;
    if (review !== "clawgate" || !read.heldId) return hold(call, `clawgate holds ${call.tool}`, what);
    const state = await waitForAnswer(gate, read.heldId, approvalTimeoutMs, signal);
    if (state !== "approved") return block(call, `clawgate: held, and ${state}. ${what}`);
    tainted.delete(call.runId);
    calls.note(call, "allowed");
    return undefined;
  };

  const whileAway = (call, error) => {
    const why = `clawgate cannot be asked: ${reasonOf(error)}`;
    const kind = classOf(call.tool);
    if (kind === "write") return hold(call, `clawgate is away: ${call.tool}`, `${why}.`);
    if (kind !== "read") return block(call, `${why}; ${call.tool} stays blocked until it is back (systemctl status clawgate).`);
    calls.note(call, "away");
    return undefined;
  };

  return {
    async before_tool_call(event, ctx = {}) {
      const runId = event.runId ?? ctx.runId;
      const call = { tool: event.toolName, toolCallId: event.toolCallId, runId, sessionKey: ctx.sessionKey };
      const ask = () => gate.ask("hook.tool", {
        ...about(ctx, runId), tool: event.toolName, arguments: event.params ?? {}, toolCallId: event.toolCallId,
      }, ctx.abortSignal);
      let verdict;
      try {
        verdict = await ask();
        if (verdict.enforced === "review" && verdict.heldId && review === "clawgate") {
          const state = await waitForAnswer(gate, verdict.heldId, approvalTimeoutMs, ctx.abortSignal);
          if (state !== "approved") return block(call, explain(verdict, `held, and ${state}`));
          verdict = await ask(); // uses the leave that was given
          if (verdict.enforced !== "allow") return block(call, explain(verdict, "blocked"));
        }
      } catch (error) {
        if (ctx.abortSignal?.aborted) throw error;
        return whileAway(call, error);
      }
      if (verdict.enforced === "block") return block(call, explain(verdict, "blocked"));
      if (verdict.enforced === "review") {
        return hold(call, `clawgate holds ${event.toolName}`, explain(verdict, "held"), verdict.heldId);
      }
      const read = tainted.get(runId);
      if (read && classOf(event.toolName) !== "read") return await afterOrders(call, read, ctx.abortSignal);
      calls.note(call, "allowed");
      return undefined;
    },

    async before_agent_run(event, ctx = {}) {
      const channel = ctx.requester?.channel ?? ctx.messageProvider;
      const provenance = channel && channel !== "webchat" ? "channel" : "user";
      let verdict;
      try {
        const text = String(event.prompt ?? "").slice(-MOST_TEXT);
        verdict = await gate.ask("hook.prompt", { text, provenance, ...about(ctx, ctx.runId) });
      } catch (error) {
        // Tools stay gated while the daemon is away, so a conversation may go on unless the operator says otherwise.
        if (!failClosedPrompts) return undefined;
        return { outcome: "block", reason: reasonOf(error), message: `clawgate cannot judge this now: ${reasonOf(error)}.` };
      }
      if (verdict.enforced === "allow") return undefined;
      return { outcome: "block", reason: verdict.rules.join(", "), message: explain(verdict, "blocked") };
    },

    async after_tool_call(event, ctx = {}) {
      const runId = event.runId ?? ctx.runId;
      const sessionKey = ctx.sessionKey;
      const call = { tool: event.toolName, toolCallId: event.toolCallId, runId, sessionKey };
      if (!calls.ended(call, Boolean(event.error))) return; // what it shows are our own words
      const text = textOf(event.result).slice(0, MOST_TEXT);
      if (!text) return;
      try {
        const verdict = await gate.ask("hook.result", { tool: event.toolName, text, ...about(ctx, runId) });
        if (verdict.enforced !== "allow") taint(runId, verdict);
      } catch {
        // An unread result cannot be un-read: what the run does next is asked about anyway.
      }
    },

    async message_sending(event, ctx = {}) {
      try {
        const verdict = await gate.ask("hook.outbound", { text: String(event.content ?? ""), ...about(ctx, ctx.runId) });
        if (verdict.enforced === "allow") return undefined;
        return { cancel: true, cancelReason: explain(verdict, "not sent") };
      } catch (error) {
        return { cancel: true, cancelReason: `clawgate cannot judge this message now: ${reasonOf(error)}` };
      }
    },
  };
}

function reasonOf(error) {
  return error instanceof Unreachable ? error.message : error.name;
}

function about(ctx, runId) {
  const requester = ctx.requester ?? {};
  return {
    sessionKey: ctx.sessionKey, agentId: ctx.agentId, runId,
    channel: requester.channel ?? ctx.messageProvider, sender: requester.senderId ?? ctx.senderId,
  };
}

function explain(verdict, what) {
  const parts = [`clawgate: ${what}`];
  if (verdict.say) parts.push(verdict.say);
  if (verdict.instead) parts.push(`Instead: ${verdict.instead}`);
  parts.push(`[${verdict.rules.join(", ")}; decision ${verdict.decisionId}]`);
  return parts.join(". ").replaceAll("..", ".");
}

/** The text a model would see of a tool result, whatever its shape. */
function textOf(result) {
  if (typeof result === "string") return result;
  if (Array.isArray(result)) return result.map(textOf).filter(Boolean).join("\n");
  if (result && typeof result === "object") return textOf(result.content ?? result.text ?? result.output ?? "");
  return "";
}
