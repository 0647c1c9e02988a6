// Bars as SVG, each beside its words: what they show is read without them, too.

import { h } from "./dom.js";

const SPACE = "http://www.w3.org/2000/svg";

function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** One bar, as long as `value` is of `most`; no length where either is unknown. */
export function bar(value, most, kind = "") {
  const share = most > 0 && value > 0 ? Math.min(value / most, 1) : 0;
  // What is there is seen, however little it is.
  const width = share && Math.max(share * 100, 0.6);
  return draw(
    "svg",
    { class: `bar-plot ${kind}`, viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { class: "ground", width: 100, height: 8 }),
    draw("rect", { class: "fill", width: width.toFixed(2), height: 8 }),
  );
}

/** Rows of {name, value, words}, drawn against the largest of them. */
export function bars(label, rows) {
  const most = Math.max(0, ...rows.map(({ value }) => value));
  return h(
    "ul",
    { class: "bars", "aria-label": label },
    rows.map(({ name, value, words }) => h("li", {}, h("span", { class: "name" }, name), h("span", { class: "number muted" }, words), bar(value, most))),
  );
}
