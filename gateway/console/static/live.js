// Keeps the store current: loads it, follows the event stream, and comes back after every break.

import { api, request } from "./api.js";
import { store } from "./store.js";
import { events } from "./stream.js";

const SILENCE = 40_000; // ms; the gateway sends a heartbeat each 15 s
const KEEP = 60; // events
const GATHER = 150; // ms in which calls that came during a load become one more
const FIGURES = 2000; // ms between looks at the figures of a rollout under way
const PAUSES = [500, 1000, 2000, 4000]; // ms between attempts

let controller = null;
let lastId = "";
let loading = null; // the load under way
let next = null; // the one that is to follow it
let figures = 0;

/** Starts following. Stops while the page is hidden: open streams are few in a browser. */
export function follow() {
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  addEventListener("online", retryNow);
  store.subscribe(() => (store.session ? start() : stop()));
  start();
}

let wake = () => {};
export function retryNow() {
  wake();
}

function start() {
  if (controller || document.hidden || !store.session) return;
  controller = new AbortController();
  run(controller.signal);
}

function stop() {
  controller?.abort();
  controller = null;
  wake();
}

async function run(signal) {
  let failures = 0;
  while (!signal.aborted && store.session) {
    try {
      await connect(signal, () => (failures = 0));
    } catch (error) {
      if (signal.aborted) return;
      if (error.status !== 401) store.lost();
    }
    if (signal.aborted) return;
    await pause(PAUSES[Math.min(failures++, PAUSES.length - 1)]);
  }
}

async function connect(signal, connected) {
  // One that nothing is heard of any more is as good as broken.
  const silent = new AbortController();
  let timer = 0;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), SILENCE);
  };
  heard();
  const both = AbortSignal.any([signal, silent.signal]);
  try {
    const headers = lastId ? { "last-event-id": lastId } : {};
    const response = await request("/api/v1/events", { signal: both, accept: "text/event-stream", headers });
    await refresh();
    connected();
    store.set({ link: "live" });
    for await (const event of events(response)) {
      heard();
      if (event) take(event);
    }
  } finally {
    clearTimeout(timer);
  }
  if (!signal.aborted) store.set({ link: "connecting" });
}

function take({ id, event: type, data: text }) {
  if (id) lastId = id;
  // After a reset only the list is known to be current.
  if (type === "stream.reset") return void refresh().catch(() => {});
  const event = JSON.parse(text);
  const { plugin, data } = event;
  store.set({ events: [event, ...store.events].slice(0, KEEP) });
  if (type === "plugin.state") store.patch(plugin, { state: data.state, reason: data.reason, voice: data.voice });
  if (type === "plugin.progress") store.patch(plugin, { progress: data.text });
  refresh().catch(() => {});
}

/** Loads the list: what was true at the call is in the store once it resolves. Calls during a load share one more. */
export function refresh() {
  if (!next && !loading) return begin();
  next ??= following();
  return next;
}

async function following() {
  await loading.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, GATHER));
  next = null;
  return begin();
}

function begin() {
  loading = load().finally(() => (loading = null));
  return loading;
}

async function load() {
  // One after the other: a rollout seen before the plugin it moves never makes a release in use look retired.
  const moving = await api.liveRollouts();
  const [plugins, system] = await Promise.all([api.plugins(), store.system ?? api.system()]);
  const rollouts = new Map(moving.map((rollout) => [rollout.plugin, rollout]));
  store.set({ plugins: new Map(plugins.map((view) => [view.id, view])), rollouts, system });
  // Phases come as events; what is measured on the way does not.
  clearTimeout(figures);
  if (rollouts.size && controller) figures = setTimeout(() => refresh().catch(() => {}), FIGURES);
}

function pause(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
