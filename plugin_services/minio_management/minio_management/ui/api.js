// Addresses of this plugin's calls, and those that carry content.

import { Problem } from "./kit/api.js";

export const at = (bucket, path = "") => `/buckets/${encodeURIComponent(bucket)}${path}`;

/** Content up or down: a file as it is, a Blob back. */
export async function transfer(page, method, path, query, { body, signal } = {}) {
  const search = new URLSearchParams(Object.entries({ ...page.api.always, ...query }).filter(([, value]) => value !== undefined && value !== ""));
  const headers = body ? { "content-type": body.type || "application/octet-stream" } : {};
  const answer = await page.host.fetch(`${path}?${search}`, { method, body, headers, signal });
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
  return method === "GET" ? answer.blob() : answer.json();
}

/** "name = value" lines as an object; throws where a line has no name. */
export function pairsOf(text) {
  const pairs = {};
  for (const line of text.split("\n").filter((line) => line.trim())) {
    const [, name, value] = /^([^=]+)=?(.*)$/.exec(line) ?? [];
    if (!name?.trim()) throw new Error(`"${line}" needs a name before the "=".`);
    pairs[name.trim()] = value.trim();
  }
  return pairs;
}

export const linesOf = (pairs) => Object.entries(pairs ?? {}).map(([name, value]) => `${name} = ${value}`).join("\n");

export const when = (text) => (text ? new Date(text).toLocaleString() : "–");
