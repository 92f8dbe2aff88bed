// What may happen while the daemon cannot be asked, by class of tool: reads go on, writes wait for a person, whatever
// can destroy or reach outside is refused. A tool that is not listed waits for a person.

const READ = [
  "agents_list", "get_goal", "ls", "memory_get", "memory_search", "pdf", "progress_card", "read", "session_status",
  "sessions_history", "sessions_list", "sessions_search", "view_image",
];
const DESTRUCTIVE = [
  "automations", "browser", "canvas", "code_execution", "computer", "exec", "gateway", "message", "mobile_ui", "nodes",
  "openclaw", "plugins", "portal", "process", "secrets", "sessions_send", "sessions_spawn", "terminal", "web_fetch",
];

const CLASSES = new Map([
  ...READ.map((name) => [name, "read"]),
  ...DESTRUCTIVE.map((name) => [name, "destructive"]),
]);
const ALIASES = new Map([["bash", "exec"], ["apply-patch", "apply_patch"], ["cron", "automations"]]);

/** "read", "write" or "destructive". Tools of MCP servers (`server__tool`) count as destructive: nobody knows them. */
export function classOf(toolName) {
  const name = String(toolName ?? "").trim().toLowerCase();
  if (name.includes("__")) return "destructive";
  return CLASSES.get(ALIASES.get(name) ?? name) ?? "write";
}
