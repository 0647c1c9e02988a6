/** Logs as one JSON object a line on standard output, with secrets masked and the call's id. */

import { format } from "node:util";

import { currentCall } from "./context.js";
import { logMask } from "./masking.js";

const LEVELS = { debug: 10, info: 20, warning: 30, error: 40, critical: 50 };
const LONGEST_LINE = 64 * 1024;

// Until logAsJson() nothing is taken over: tests and an author's tools print as they like.
let out = null;
let least = LEVELS.info;

/** A logger with a name: `log.info("words", { more: 1 })`. An `error` among the extras is written with its stack. */
export class Logger {
  #name;

  constructor(name) {
    this.#name = name;
  }
  debug(message, extras) {
    write("debug", this.#name, message, extras);
  }
  info(message, extras) {
    write("info", this.#name, message, extras);
  }
  warning(message, extras) {
    write("warning", this.#name, message, extras);
  }
  error(message, extras) {
    write("error", this.#name, message, extras);
  }
  critical(message, extras) {
    write("critical", this.#name, message, extras);
  }
}

/** The author's logger. */
export const log = new Logger("plugin");

/** The SDK's own. */
export const sdkLog = new Logger("plugway-sdk");

/** One line: at, level, logger, message, request_id, trace_id, error, extras. */
export function line(level, logger, message, extras = {}) {
  const found = { at: new Date().toISOString(), level, logger, message: logMask.text(String(message)) };
  const call = currentCall.getStore();
  if (call?.requestId) found.request_id = call.requestId;
  if (call?.traceparent) found.trace_id = call.traceparent.slice(3, 35);
  for (const [name, value] of Object.entries(extras)) {
    if (!(name in found)) found[name] = logMask.deep(value instanceof Error ? format(value) : value);
  }
  return JSON.stringify(found);
}

function write(level, logger, message, extras) {
  if (LEVELS[level] < least) return;
  const text = line(level, logger, message, extras);
  if (out) out(`${text}\n`);
  else process.stderr.write(`${text}\n`);
}

/** Take over the process's printing and last words. For processes of serve() only. */
export function logAsJson(level) {
  least = LEVELS[level] ?? LEVELS.info;
  out = process.stdout.write.bind(process.stdout);
  process.stdout.write = linesOf("stdout", "info");
  process.stderr.write = linesOf("stderr", "warning");
  // Node's own listener prints past process.stderr.
  process.removeAllListeners("warning");
  process.on("warning", (error) => sdkLog.warning(`${error.name}: ${error.message}`));
  process.on("uncaughtException", (error) => {
    sdkLog.critical("the plugin ends: an error that nobody caught", { error });
    process.exit(1);
  });
}

/** In place of a stream's write: logs what is printed line by line, so that it is masked like the rest. */
function linesOf(name, level) {
  let rest = "";
  return (chunk, encoding, callback) => {
    const lines = (rest + (typeof chunk === "string" ? chunk : Buffer.from(chunk).toString())).split("\n");
    rest = lines.pop();
    if (rest.length > LONGEST_LINE) {
      lines.push(rest);
      rest = "";
    }
    for (const text of lines) if (text.trim()) write(level, name, text);
    (typeof encoding === "function" ? encoding : callback)?.();
    return true;
  };
}
