// A line of a log: JSON as the SDK writes it, or any text.

const SEVERITY = { debug: 10, info: 20, warning: 30, error: 40 };
const NAMES = { warn: "warning", err: "error", critical: "error", fatal: "error", exception: "error", trace: "debug" };
const KNOWN = new Set(["at", "timestamp", "time", "level", "logger", "message", "msg", "event", "exception"]);

/** {at, level, logger, words} of {at, text}. */
export function parseLine({ at, text }) {
  const fields = object(text);
  if (!fields) return { at, level: guess(text), logger: "", words: text };
  const message = fields.message ?? fields.msg ?? fields.event ?? "";
  const rest = Object.entries(fields).filter(([key, value]) => !KNOWN.has(key) && value !== null && value !== "");
  const extra = rest.map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
  const words = [message, extra, fields.exception && `\n${fields.exception}`].filter(Boolean).join(" ");
  return { at: fields.at ?? fields.timestamp ?? at, level: levelOf(fields.level), logger: fields.logger ?? "", words };
}

export function severity(level) {
  return SEVERITY[level] ?? SEVERITY.info;
}

function object(text) {
  if (!text.startsWith("{")) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function levelOf(level) {
  const name = String(level ?? "").toLowerCase();
  return NAMES[name] ?? (name in SEVERITY ? name : "");
}

function guess(text) {
  const found = text.match(/\b(debug|info|warn(?:ing)?|error|critical|fatal)\b/i) ?? (text.startsWith("Traceback") ? [0, "error"] : null);
  return found ? levelOf(found[1]) : "";
}
