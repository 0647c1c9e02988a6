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

/** Marks when the time that is left was true. */
function seen({ rollouts }) {
  const seenAt = Date.now();
  return rollouts.map((rollout) => ({ ...rollout, seenAt }));
}

const of = (id) => `/api/v1/plugins/${encodeURIComponent(id)}`;

export const api = {
  session: () => read("/api/v1/session"),
  waysToSignIn: () => read("/api/v1/sign-in"),
  signIn: (token) => read("/api/v1/session", { method: "POST", json: { token } }),
  tokens: () => read("/api/v1/tokens"),
  createToken: (wanted) => read("/api/v1/tokens", { method: "POST", json: wanted }),
  revokeToken: (id) => read(`/api/v1/tokens/${encodeURIComponent(id)}`, { method: "DELETE" }),
  audit: (before, limit) => read(`/api/v1/audit?before=${before}&limit=${limit}`),
  signOut: () => read("/api/v1/logout", { method: "POST" }),
  system: () => read("/api/v1/system"),
  plugins: async () => (await read("/api/v1/plugins")).plugins,
  plugin: (id) => read(of(id)),
  /** `consent` is the release that a preview showed; empty where none is needed. */
  install: (definition, consent = "") => read(`/api/v1/plugins?consent=${encodeURIComponent(consent)}`, { method: "POST", json: definition }),
  preview: (definition) => read("/api/v1/plugins/preview", { method: "POST", json: definition }),
  remove: (id, purge) => read(`${of(id)}?purge=${purge}`, { method: "DELETE" }),
  act: (id, what) => read(`${of(id)}/${what}`, { method: "POST" }),
  settings: (id) => read(`${of(id)}/settings`),
  configure: (id, values, dryRun) => read(`${of(id)}/settings`, { method: "PUT", json: { values, dryRun } }),
  figures: (id, span) => read(`${of(id)}/figures?span=${span}`),
  lock: (id) => read(`${of(id)}/lock`),
  verify: (id) => read(`${of(id)}/verify`, { method: "POST" }),
  releases: (id) => read(`${of(id)}/releases`),
  catalog: (asked) => read(`/api/v1/catalog?${new URLSearchParams(asked)}`),
  offers: (id) => read(`/api/v1/catalog/${encodeURIComponent(id)}`),
  catalogues: () => read("/api/v1/catalogues"),
  addCatalogue: (asked) => read("/api/v1/catalogues", { method: "POST", json: asked }),
  removeCatalogue: (name) => read(`/api/v1/catalogues/${encodeURIComponent(name)}`, { method: "DELETE" }),
  refreshCatalogue: (name) => read(`/api/v1/catalogues/${encodeURIComponent(name)}/refresh`, { method: "POST" }),
  liveRollouts: async () => seen(await read("/api/v1/rollouts")),
  rollouts: async (id) => seen(await read(`${of(id)}/rollouts`)),
  rolloutDefaults: (id) => read(`${of(id)}/rollout-defaults`),
  begin: (id, asked) => read(`${of(id)}/rollouts`, { method: "POST", json: asked }),
  steer: (rollout, what, json) => read(`/api/v1/rollouts/${encodeURIComponent(rollout)}/${what}`, { method: "POST", json }),
  promote: (rollout, yes = false) => api.steer(rollout, "promote", { yes }),
  abort: (rollout, force = false) => api.steer(rollout, "abort", { force }),
  rollBack: (id) => read(`${of(id)}/rollback`, { method: "POST" }),
  pin: (id, pinned) => read(`${of(id)}/pin`, { method: "PUT", json: { pinned } }),
  logs: (id, { tail, signal }) =>
    request(`${of(id)}/logs?tail=${tail}&follow=true`, { signal, accept: "application/x-ndjson" }),
};
