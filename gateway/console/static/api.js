// The management API: JSON in, JSON out, problems as errors.

import { store } from "./store.js";

export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title || `The gateway answered ${status}.`);
    this.status = status;
    this.hint = document.hint ?? "";
    /** Reasons by JSON Pointer. */
    this.fields = new Map((document.errors ?? []).map(({ field, message }) => [field, message]));
  }
}

export class Offline extends Error {
  constructor() {
    super("The gateway does not answer.");
    this.hint = "It may be restarting. This page goes on by itself once it is back.";
  }
}

/** A fetch that tells the store about lost gateways and ended sessions; throws Problem or Offline. */
export async function request(path, { method = "GET", json, signal, accept, headers: more } = {}) {
  const headers = { accept: accept ?? "application/json", ...more };
  if (json !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    const body = json === undefined ? undefined : JSON.stringify(json);
    response = await fetch(path, { method, headers, body, signal, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    store.lost();
    throw new Offline();
  }
  if (response.ok) return response;
  if (response.status === 401) store.signedOut();
  throw new Problem(response.status, await response.json().catch(() => ({})));
}

async function read(path, options) {
  const response = await request(path, options);
  return response.status === 204 ? null : response.json().catch(() => null);
}

const of = (id) => `/api/v1/plugins/${encodeURIComponent(id)}`;

export const api = {
  session: () => read("/api/v1/session"),
  signIn: (token) => read("/api/v1/session", { method: "POST", json: { token } }),
  signOut: () => read("/api/v1/logout", { method: "POST" }),
  system: () => read("/api/v1/system"),
  plugins: async () => (await read("/api/v1/plugins")).plugins,
  plugin: (id) => read(of(id)),
  install: (definition) => read("/api/v1/plugins", { method: "POST", json: definition }),
  remove: (id, purge) => read(`${of(id)}?purge=${purge}`, { method: "DELETE" }),
  act: (id, what) => read(`${of(id)}/${what}`, { method: "POST" }),
  settings: (id) => read(`${of(id)}/settings`),
  configure: (id, values, dryRun) => read(`${of(id)}/settings`, { method: "PUT", json: { values, dryRun } }),
  releases: (id) => read(`${of(id)}/releases`),
  catalog: () => read("/api/v1/catalog"),
  logs: (id, { tail, signal }) =>
    request(`${of(id)}/logs?tail=${tail}&follow=true`, { signal, accept: "application/x-ndjson" }),
};
