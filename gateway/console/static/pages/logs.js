// A plugin's log, as it comes.

import { api } from "../api.js";
import { button, h, icon } from "../dom.js";
import { moment } from "../format.js";
import { store } from "../store.js";
import { lines } from "../stream.js";
import { complain, empty } from "../ui.js";
import { parseLine, severity } from "./log_line.js";
import { pluginPage } from "./head.js";

const KEEP = 5000; // lines shown
const TAIL = 500; // lines asked for at the start

export function create({ id }) {
  return pluginPage({ id, tab: "logs", body: () => body(id), wide: true });
}

function body(id) {
  const state = { paused: false, held: [], batch: [], count: 0, words: "", least: 0 };
  let controller = new AbortController();
  const pause = button("Pause", { symbol: "pause", "aria-pressed": "false", onclick: togglePause });
  const search = h("input.input", { type: "search", placeholder: "Find in the log", "aria-label": "Find in the log", oninput: filter });
  const choices = [["Everything", 0], ["Info and above", 20], ["Warnings and errors", 30], ["Errors", 40]];
  const level = h("select.input", { "aria-label": "Least level", onchange: filter }, choices.map(([name, value]) => h("option", { value }, name)));
  const count = h("span.count.muted.small", { role: "status" });
  const view = h("div.log-view", { role: "log", "aria-label": "Log lines", "aria-live": "off", tabindex: "0" });
  const jump = button("Newest lines", { symbol: "down", kind: "primary", onclick: toEnd });
  const end = h("div.log-end", { hidden: true }, jump);
  const nothing = h("div", empty("logs", "No lines yet", "What the plugin writes appears here as it comes."));
  const tools = h("div.log-tools", h("div.search", icon("search"), search), level, pause, count);
  const node = h("div.log-page", tools, view);
  view.append(nothing, end);
  view.addEventListener("scroll", () => (end.hidden = atEnd()));

  const atEnd = () => view.scrollHeight - view.scrollTop - view.clientHeight < 40;

  function toEnd() {
    view.scrollTop = view.scrollHeight;
    end.hidden = true;
  }

  function togglePause() {
    state.paused = !state.paused;
    pause.setAttribute("aria-pressed", String(state.paused));
    pause.replaceChildren(icon(state.paused ? "play" : "pause"), state.paused ? "Go on" : "Pause");
    if (!state.paused) for (const line of state.held.splice(0)) add(line);
    tell();
  }

  function add(line) {
    if (state.paused) {
      state.held.push(line);
      if (state.held.length > KEEP) state.held.shift();
      return tell();
    }
    state.batch.push(line);
    if (state.batch.length === 1) setTimeout(flush, 50);
  }

  function flush() {
    const stick = atEnd();
    nothing.remove();
    const made = state.batch.splice(0).slice(-KEEP).map((line) => lineNode(line, store.plugins?.get(id)?.instances.length > 1));
    made.forEach(judge);
    end.before(...made);
    const shown = view.getElementsByClassName("log-line");
    while (shown.length > KEEP) shown[0].remove();
    if (stick) toEnd();
    else end.hidden = false;
    tell();
  }

  function judge(node_) {
    const { words, least } = state;
    node_.hidden = severity(node_.dataset.level) < least || !node_.textContent.toLowerCase().includes(words);
  }

  function filter() {
    state.words = search.value.trim().toLowerCase();
    state.least = Number(level.value);
    for (const line of view.getElementsByClassName("log-line")) judge(line);
    toEnd();
    tell();
  }

  function tell() {
    const all = view.getElementsByClassName("log-line");
    const shown = [...all].filter((line) => !line.hidden).length;
    const part = shown === all.length ? `${shown} lines` : `${shown} of ${all.length} lines`;
    count.textContent = state.paused ? `Paused, ${state.held.length} new` : part;
  }

  async function follow() {
    const { signal } = controller;
    for (let tail = TAIL; !signal.aborted; tail = 0) {
      try {
        const response = await api.logs(id, { tail, signal });
        for await (const line of lines(response)) if (line) add(JSON.parse(line));
      } catch (error) {
        if (signal.aborted) return;
        if (error.status === 401 || error.status === 404) return complain(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }

  // A hidden page gives its connection back; the lines meanwhile are in the tail when it is shown again.
  function visible() {
    controller.abort();
    if (document.hidden) return;
    for (const line of [...view.getElementsByClassName("log-line")]) line.remove();
    state.held.length = state.batch.length = 0;
    controller = new AbortController();
    follow();
  }

  document.addEventListener("visibilitychange", visible);
  follow();
  return {
    node,
    leave() {
      document.removeEventListener("visibilitychange", visible);
      controller.abort();
    },
  };
}

function lineNode(line, several) {
  const { at, level, logger, words } = parseLine(line);
  const date = moment(at);
  const time = h("time", date ? { datetime: date.toISOString(), title: date.toLocaleString() } : {}, date ? clock(date) : "");
  const from = [several && line.instance, logger].filter(Boolean).join(" ");
  return h("div.log-line", { data: { level } }, time, h("span.level", level.slice(0, 7).toUpperCase()), h("span.words", from && h("span.from", `${from}: `), words));
}

function clock(date) {
  return date.toLocaleTimeString("en-GB") + `.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
