/** Heads of calls and answers between the contract's messages and Node's http. */

import { BadHead } from "./errors.js";

const HOP = new Set([
  "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
]);

/** Path and query as sent. Throws BadHead. */
export function target(head) {
  const path = head.path.toString("latin1");
  if (!path.startsWith("/")) throw new BadHead("the path must start with '/'");
  return head.query.length ? `${path}?${head.query.toString("latin1")}` : path;
}

/** Names and values in turn, repeated ones kept, as http.request takes them. */
export function requestHeaders(head) {
  const { context } = head;
  const found = [];
  const names = new Set();
  for (const { name, value } of head.headers) {
    const text = name.toString("latin1").toLowerCase();
    if (HOP.has(text)) continue;
    names.add(text);
    found.push(text, value.toString("latin1"));
  }
  if (context.host && !names.has("host")) found.push("host", context.host);
  if (context.traceparent && !names.has("traceparent")) found.push("traceparent", context.traceparent);
  return found;
}

/** From rawHeaders or rawTrailers to the contract's messages. */
export function headerMessages(raw) {
  const found = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at].toLowerCase();
    if (!HOP.has(name)) found.push({ name: Buffer.from(name, "latin1"), value: Buffer.from(raw[at + 1], "latin1") });
  }
  return found;
}

/** The value of the first header of this name, or "". */
export function valueOf(flat, name) {
  for (let at = 0; at < flat.length; at += 2) if (flat[at].toLowerCase() === name) return flat[at + 1];
  return "";
}

/** Without the headers of this name. */
export function without(flat, dropped) {
  const found = [];
  for (let at = 0; at < flat.length; at += 2) if (!dropped(flat[at])) found.push(flat[at], flat[at + 1]);
  return found;
}
