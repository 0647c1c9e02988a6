// One plot: lines over time, a scale, and the values under the pointer or at the arrow keys.

import { h, s } from "../dom.js";
import { ceiling, line } from "./scale.js";

const WIDTH = 600;
const HEIGHT = 120;

/**
 * `series` is [{name, tone}]; `words` tells a value. draw(points) takes [{at, values}], with null where there
 * is none; `least` is the top of the scale where nothing is higher.
 */
export function plot({ title, series, words, least }) {
  const paths = series.map(({ tone }) => s("path", { class: `plot-line ${tone}` }));
  const mark = s("line", { class: "plot-mark", y1: 0, y2: HEIGHT, hidden: "" });
  const grid = [0.5, 1].map((share) => s("line", { class: "plot-grid", x1: 0, x2: WIDTH, y1: HEIGHT * (1 - share), y2: HEIGHT * (1 - share) }));
  const picture = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...grid, ...paths, mark);
  const top = h("span.plot-top.small.muted");
  const from = h("span");
  const to = h("span");
  const said = h("p.plot-said.small", { role: "status" });
  const box = h("div.plot-box", { tabindex: "0", role: "group", "aria-label": `${title}: arrow keys read single values` }, top, picture);
  const node = h("figure.plot", h("figcaption", h("strong", title), legend(series), said), box, h("div.plot-times.small.muted", from, to));
  let shown = [];
  let at = null;

  function draw(points) {
    shown = points;
    const scale = ceiling(Math.max(0, ...points.flatMap(({ values }) => values.map((value) => value ?? 0))), least);
    paths.forEach((path, index) => path.setAttribute("d", line(points.map(({ values }) => values[index]), WIDTH, HEIGHT, scale)));
    top.textContent = words(scale);
    from.textContent = points.length ? time(points[0].at) : "";
    to.textContent = points.length ? time(points.at(-1).at) : "";
    tell(at !== null && at < points.length ? at : null);
  }

  function tell(index) {
    at = index;
    const point = shown[index ?? shown.length - 1];
    mark.toggleAttribute("hidden", index === null);
    if (!point) return (said.textContent = "");
    const x = (WIDTH * (index ?? 0)) / Math.max(shown.length - 1, 1);
    mark.setAttribute("x1", x);
    mark.setAttribute("x2", x);
    const values = series.map(({ name }, n) => `${series.length > 1 ? `${name} ` : ""}${point.values[n] === null ? "–" : words(point.values[n])}`);
    said.textContent = `${index === null ? "now" : time(point.at)}: ${values.join(", ")}`;
  }

  box.addEventListener("pointermove", (event) => {
    const bounds = picture.getBoundingClientRect();
    const share = (event.clientX - bounds.left) / bounds.width;
    if (shown.length) tell(Math.round(Math.min(1, Math.max(0, share)) * (shown.length - 1)));
  });
  box.addEventListener("pointerleave", () => tell(null));
  box.addEventListener("blur", () => tell(null));
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !shown.length) return;
    event.preventDefault();
    tell(Math.min(shown.length - 1, Math.max(0, (at ?? shown.length) + step)));
  });
  return { node, draw };
}

function legend(series) {
  return series.length > 1 && h("span.legend.small", series.map(({ name, tone }) => h(`span.key.${tone}`, name)));
}

export function time(at) {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
