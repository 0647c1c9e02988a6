// One plugin over time: rate, errors, latency, health.

import { api } from "../api.js";
import { h, s } from "../dom.js";
import { plot, time } from "../figures/plot.js";
import { milliseconds, percent, perSecond, runs } from "../figures/scale.js";
import { STATES } from "../format.js";
import { bones, empty } from "../ui.js";
import { pluginPage } from "./head.js";

const EVERY = 10_000;
const SPANS = [["hour", "Last hour"], ["day", "Last day"]];

export function create({ id }) {
  return pluginPage({ id, tab: "figures", body: () => body(id) });
}

function body(id) {
  const rate = plot({ title: "Calls", series: [{ name: "calls", tone: "accent" }], words: perSecond, least: 1 });
  const errors = plot({ title: "Answers of 5xx", series: [{ name: "errors", tone: "danger" }], words: percent, least: 0.01 });
  const latency = plot({ title: "Time to answer", series: [{ name: "median", tone: "accent" }, { name: "99 of 100 within", tone: "warn" }], words: milliseconds, least: 10 });
  const health = h("div");
  const plots = h("div.stack", { hidden: true }, h("section.panel", h("div.body.stack", health, rate.node, errors.node, latency.node)));
  const loading = h("div", bones(6, "Loading the figures"));
  const choice = h("div.segments", { role: "group", "aria-label": "How far to look back" });
  const note = h("p.muted.small", "Kept in memory, from the gateway's start on. For longer, let Prometheus read /metrics.");
  const node = h("div.page.stack", choice, loading, plots, note);
  let span = "hour";
  let timer = 0;
  let left = false;

  for (const [key, words] of SPANS) {
    choice.append(h("button", { type: "button", "aria-pressed": String(key === span), data: { key }, onclick: () => turn(key) }, words));
  }

  function turn(to) {
    span = to;
    for (const one of choice.children) one.setAttribute("aria-pressed", String(one.dataset.key === span));
    load();
  }

  async function load() {
    clearTimeout(timer);
    const wanted = span;
    try {
      const found = await api.figures(id, wanted);
      if (left || wanted !== span) return;
      show(found);
    } catch (error) {
      if (left || wanted !== span) return;
      plots.hidden = true;
      loading.replaceChildren(empty("alert", "The figures could not be loaded", error.message));
    }
    timer = setTimeout(load, EVERY);
  }

  function show({ stepSeconds, points }) {
    plots.hidden = points.length === 0;
    loading.replaceChildren(...(points.length ? [] : [empty("turn", "Nothing yet", span === "hour" ? "The first figures come within half a minute." : "The first point of a day comes after five minutes.")]));
    rate.draw(points.map(({ at, calls }) => ({ at, values: [calls / stepSeconds] })));
    errors.draw(points.map(({ at, calls, errors: failed }) => ({ at, values: [calls ? failed / calls : null] })));
    latency.draw(points.map(({ at, calls, medianMs, p99Ms }) => ({ at, values: calls ? [medianMs, p99Ms] : [null, null] })));
    health.replaceChildren(band(points));
  }

  load();
  return {
    node,
    leave: () => {
      left = true;
      clearTimeout(timer);
    },
  };
}

/** How it was, as a band of colours and in words. */
function band(points) {
  const parts = runs(points.map(({ state }) => state));
  const bars = parts.map(({ state, from, to }) => s("rect", { class: `state-${state}`, x: from, width: to - from, y: 0, height: 1 }));
  const picture = s("svg", { class: "band", viewBox: `0 0 ${Math.max(points.length, 1)} 1`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars);
  const words = parts.slice(-6).map(({ state, from }, index, all) => (index || all.length === 1 ? `${STATES[state].words} since ${time(points[from].at)}` : STATES[state].words));
  return h("figure.plot", h("figcaption", h("strong", "Health"), h("p.plot-said.small", words.join(", then "))), picture);
}
