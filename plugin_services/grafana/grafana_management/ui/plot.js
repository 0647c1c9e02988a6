// Lines over time as SVG, with a legend that says in words what is drawn.

import { h } from "./kit/dom.js";
import { shown } from "./units.js";

const SPACE = "http://www.w3.org/2000/svg";
const HUES = 12;
const LEFT = 52;
const BOTTOM = 20;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];

function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Round numbers between two values, about `wanted` of them. */
export function ticks(low, high, wanted) {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((one) => one * power >= raw) * power;
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return found;
}

/** What lies between the least and the greatest value, never nothing; from zero where that is near. */
export function span(series) {
  let low = Infinity;
  let high = -Infinity;
  for (const { values } of series) {
    for (const value of values) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return [0, 1];
  if (low > 0 && low < high / 2) low = 0;
  if (low === high) return [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  return [low, high + (high - low) * 0.05];
}

export class Plot {
  constructor(panel, data) {
    Object.assign(this, { panel, data });
    this.place = h("div", { class: "plot" });
    this.legend = h("ul", { class: "legend" }, data.series.map((one, at) => h("li", {}, h("span", { class: `mark hue${at % HUES}`, "aria-hidden": "true" }), h("span", { class: "name" }, one.name), h("span", { class: "number" }))));
    this.element = h("div", { class: "plot-frame" }, this.place, h("div", { class: "legend-scroll", tabindex: 0, role: "group", "aria-label": "Legend" }, this.legend));
    this.place.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.place.addEventListener("pointerleave", () => this.point(null));
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(this.place);
    this.tell(null);
  }

  drop() {
    this.watch.disconnect();
  }

  words(value, one) {
    return shown(value, this.panel.unit || one.unit, this.panel.decimals);
  }

  /** Draws it as large as its place is. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (width < 40 || height < 40 || (this.width === width && this.height === height)) return;
    Object.assign(this, { width, height });
    const { begin, end, series } = this.data;
    const [low, high] = span(series);
    this.x = (time) => LEFT + ((time - begin) / (end - begin)) * (width - LEFT - 8);
    const y = (value) => 6 + (1 - (value - low) / (high - low)) * (height - BOTTOM - 6);
    const lines = series.map((one, at) => draw("path", { class: `line hue${at % HUES}`, d: this.path(one, y) }));
    this.cursor = draw("line", { class: "cursor", y1: 6, y2: height - BOTTOM, visibility: "hidden" });
    const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": this.spoken() }, ...this.across(low, high, y), ...this.along(), ...lines, this.cursor);
    this.place.replaceChildren(picture);
  }

  path({ times, values }, y) {
    let pen = "M";
    let d = "";
    values.forEach((value, at) => {
      if (value === null) {
        pen = "M";
        return;
      }
      const alone = pen === "M" && (values[at + 1] ?? null) === null;
      d += `${pen}${this.x(times[at]).toFixed(1)},${y(value).toFixed(1)}${alone ? "h0.1" : ""}`;
      pen = "L";
    });
    return d;
  }

  across(low, high, y) {
    return ticks(low, high, Math.max(2, this.height / 45)).flatMap((value) => [
      draw("line", { class: "rule", x1: LEFT, x2: this.width - 8, y1: y(value), y2: y(value) }),
      draw("text", { class: "tick", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, this.words(value, this.data.series[0])),
    ]);
  }

  along() {
    const { begin, end } = this.data;
    const wanted = Math.max(2, (this.width - LEFT) / 95);
    const step = 1000 * (STEPS.find((one) => one * 1000 * wanted >= end - begin) ?? STEPS.at(-1));
    const days = step >= 86_400_000;
    const shift = new Date(begin).getTimezoneOffset() * 60_000;
    const found = [];
    for (let time = Math.ceil((begin - shift) / step) * step + shift; time <= end; time += step) {
      const when = new Date(time);
      const text = days ? when.toLocaleDateString(undefined, { month: "short", day: "numeric" }) : when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: step < 60_000 ? "2-digit" : undefined });
      if (this.x(time) < this.width - 20) found.push(draw("text", { class: "tick", x: this.x(time), y: this.height - 5, "text-anchor": "middle" }, text));
    }
    return found;
  }

  spoken() {
    const { begin, end, series } = this.data;
    const told = series.slice(0, 5).map((one) => `${one.name}: ${this.words(one.values.findLast((value) => value !== null) ?? null, one)}`);
    return `${this.panel.title}: ${series.length} series from ${new Date(begin).toLocaleString()} to ${new Date(end).toLocaleString()}, last ${told.join("; ")}`;
  }

  /** The pointer is there: the legend tells the values of that time. */
  point(offset) {
    if (!this.x) return;
    const { begin, end } = this.data;
    const time = offset === null ? null : begin + ((offset - LEFT) / (this.width - LEFT - 8)) * (end - begin);
    const inside = time !== null && time >= begin && time <= end;
    this.cursor.setAttribute("visibility", inside ? "visible" : "hidden");
    if (inside) for (const side of ["x1", "x2"]) this.cursor.setAttribute(side, offset);
    this.tell(inside ? time : null);
  }

  tell(time) {
    this.data.series.forEach((one, at) => {
      const value = time === null ? one.values.findLast((each) => each !== null) : one.values[nearest(one.times, time)];
      this.legend.children[at].lastChild.textContent = this.words(value ?? null, one);
    });
  }
}

function nearest(times, time) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low > 0 && time - times[low - 1] < times[low] - time ? low - 1 : low;
}
