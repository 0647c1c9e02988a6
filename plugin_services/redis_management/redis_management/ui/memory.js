// Where the memory goes: a sample of keys, added up by the shape of their names and by type, as plots.

import { bars } from "./kit/bars.js";
import { shown } from "./bytes.js";
import { Events } from "./events.js";
import { TYPES } from "./format.js";
import { keyQuery } from "./api.js";
import { fill, h } from "./kit/dom.js";
import { count, plural, size } from "./kit/format.js";
import { button, choice, empty, failure, panel } from "./kit/parts.js";

const SAMPLES = { 2000: "2,000 keys", 20000: "20,000 keys", 200000: "200,000 keys", 1000000: "1,000,000 keys" };
const ENDS = {
  all: "These are all keys that match.",
  sample: "From a sample; what the whole takes is estimated from it.",
  time: "It took two minutes and was ended; from what was seen by then.",
  stopped: "It was stopped; from what was seen by then.",
};

export function memoryView(page, place, params) {
  const pattern = h("input", { class: "input code", value: params.pattern ?? "*", "aria-label": "Pattern of keys", spellcheck: "false", autocapitalize: "off" });
  const sample = choice(SAMPLES, "20000");
  sample.setAttribute("aria-label", "Sample");
  const state = h("p", { class: "muted grow", role: "status" });
  const buttons = h("div", { class: "actions" });
  const found = h("div");
  let events = null;
  let last = null;
  let reason = "";

  function draw() {
    fill(buttons, events ? button("Stop", stop) : button("Analyse", start, { kind: "primary" }));
    state.textContent = events ? progress(last) : ENDS[reason] ?? "Nothing is asked of Redis until you begin.";
    if (last) fill(found, panels(page, last));
  }

  function start() {
    events?.stop();
    last = null;
    reason = "";
    fill(found);
    events = new Events(page, "/memory/analysis", { pattern: pattern.value.trim() || "*", sample: sample.value }, {
      heard: (event, data) => {
        if (event === "progress") last = data;
        else if (data.reason === "lost") found.before(failure(data));
        if (event === "end") reason = data.reason;
        draw();
      },
      over: (error) => {
        events = null;
        draw();
        if (error) fill(found, failure(error));
      },
    });
    draw();
  }

  function stop() {
    events?.stop();
    events = null;
    reason = "stopped";
    draw();
  }

  const form = h("form", { class: "bar" }, h("label", { class: "inline grow" }, h("span", {}, "Keys"), pattern), h("label", { class: "inline" }, h("span", {}, "Sample"), sample), buttons);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  fill(place, form, h("div", { class: "bar" }, state), found);
  draw();
  return { leave: () => events?.stop(), key: ({ key }) => (key === "/" ? (pattern.focus(), pattern.select(), true) : key === "r" && (start(), true)) };
}

const progress = (last) => (last ? `Looked at ${count(last.lookedAt)} of ${plural(last.databaseKeys, "key")}…` : "Looking…");

function panels(page, { total, databaseKeys, lookedAt, shapes, types, largest }) {
  if (!total.keys) return empty("No key matches", "Try another pattern.");
  // The same share of the keys matches in the rest.
  const scale = lookedAt ? Math.max(1, databaseKeys / lookedAt) : 1;
  const about = scale > 1 ? "about " : "";
  const words = (one) => `${about}${size(one.bytes * scale)}, ${about}${plural(Math.round(one.keys * scale), "key")}`;
  const tiles = [
    ["Keys looked at", count(total.keys), `of ${count(databaseKeys)} in the database`],
    ["They take", size(total.bytes), `${size(total.bytes / total.keys)} each on average`],
    ["All of them", `${about}${size(total.bytes * scale)}`, scale > 1 ? "estimated" : "counted"],
  ];
  return [
    h("div", { class: "tiles" }, tiles.map(([name, value, note]) => h("div", { class: "tile" }, h("span", {}, name), h("strong", {}, value), h("small", {}, note)))),
    panel("By name", bars("Memory by name", shapes.map((one) => ({ name: h("span", { class: "code" }, shown(one.shape)), value: one.bytes, words: words(one) })))),
    panel("By type", bars("Memory by type", types.map((one) => ({ name: TYPES[one.type] ?? one.type, value: one.bytes, words: words(one) })))),
    panel("Largest keys seen", bars("Largest keys", largest.map((one) => ({ name: keyLink(page, one), value: one.bytes, words: `${TYPES[one.type] ?? one.type}, ${size(one.bytes)}` })))),
  ];
}

function keyLink(page, { name }) {
  return name.truncated ? h("span", { class: "code" }, shown(name)) : button(shown(name), () => page.go("keys", keyQuery(name)), { kind: "link" });
}
