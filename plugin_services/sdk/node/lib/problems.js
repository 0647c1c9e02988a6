/** Answers that the SDK makes in the app's stead: RFC 9457 problem documents. */

export const PROBLEM = "application/problem+json";

/** The app threw. The reason is in the log only: it may hold anything. */
export function internalError(requestId) {
  const detail = `See the plugin's log for request ${requestId || "-"}.`;
  return problem(500, "plugin-failed", "The plugin failed", detail);
}

export function notConfigured() {
  const detail = "This plugin works once its required settings are saved.";
  return problem(503, "plugin-not-configured", "Settings are missing", detail, { reason: "not-configured" });
}

export function notFound() {
  return problem(404, "not-found", "Not found", "There is nothing here.");
}

function problem(status, key, title, detail, more = {}) {
  const document = { type: `urn:plugway:problem:${key}`, title, status, detail, ...more };
  return { status, body: Buffer.from(JSON.stringify(document)) };
}
