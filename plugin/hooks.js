// One function per hook: from upstream's event to the daemon's question, and from its answer to upstream's result.

import { classOf } from "./classes.js";
import { Unreachable } from "./gate.js";

const MOST_TEXT = 256 * 1024; // characters of one result or prompt; the daemon judges more slowly and no better past it
const MOST_TAINTED_RUNS = 1000;

export function createHooks(gate, { approvalTimeoutMs = 600_000, failClosedPrompts = false } = {}) {
  // Runs that have read something which tries to give orders: what they do next waits for a person.
  const tainted = new Map();

  const taint = (runId, verdict) => {
    if (!runId) return;
    tainted.set(runId, verdict);
    if (tainted.size > MOST_TAINTED_RUNS) tainted.delete(tainted.keys().next().value);
  };

  const hold = (title, description) => ({
    requireApproval: {
      title, description, severity: "warning", timeoutMs: approvalTimeoutMs, allowedDecisions: ["allow-once", "deny"],
    },
  });

  return {
    async before_tool_call(event, ctx = {}) {
      const runId = event.runId ?? ctx.runId;
      let verdict;
      try {
        verdict = await gate.ask("hook.tool", {
          tool: event.toolName, arguments: event.params ?? {}, toolCallId: event.toolCallId, ...about(ctx, runId),
        }, ctx.abortSignal);
      } catch (error) {
        if (ctx.abortSignal?.aborted) throw error;
        return whileAway(event.toolName, error, hold);
      }
      if (verdict.enforced === "block") return { block: true, blockReason: explain(verdict, "blocked") };
      if (verdict.enforced === "review") return hold(`clawgate holds ${event.toolName}`, explain(verdict, "held"));
      const read = tainted.get(runId);
      if (read && classOf(event.toolName) !== "read") {
        const what = `This run has read content that tries to give orders (${read.rules.join(", ")}).`;
        return hold(`clawgate holds ${event.toolName}`, `${what} Decision ${read.decisionId}.`);
      }
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
      const text = textOf(event.result).slice(0, MOST_TEXT);
      if (!text) return;
      const runId = event.runId ?? ctx.runId;
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

function whileAway(toolName, error, hold) {
  const why = `clawgate cannot be asked: ${reasonOf(error)}`;
  const kind = classOf(toolName);
  if (kind === "read") return undefined;
  if (kind === "write") return hold(`clawgate is away: ${toolName}`, `${why}.`);
  return { block: true, blockReason: `${why}; ${toolName} stays blocked until it is back (systemctl status clawgate).` };
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
