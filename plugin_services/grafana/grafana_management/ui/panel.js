// One panel on the page: its frame, and what becomes of its data.

import { fill, h } from "./kit/dom.js";
import { plural } from "./kit/format.js";
import { button, failure, loading } from "./kit/parts.js";
import { Plot } from "./plot.js";
import { shown } from "./units.js";

export class PanelCard {
  /** `ask(card, quiet)` fetches its data again. */
  constructor(panel, ask) {
    this.panel = panel;
    this.body = h("div", { class: "card-body" });
    this.element = panel.kind === "row" ? h("h3", { class: "row-title" }, panel.title || "Row") : this.frame(ask);
    this.element.style.gridColumn = panel.kind === "row" ? "1 / -1" : `${panel.x + 1} / span ${panel.width}`;
    this.element.style.gridRow = `auto / span ${Math.max(1, panel.height)}`;
  }

  frame(ask) {
    const { title, description, kind, type, text, notes } = this.panel;
    const note = notes.length > 0 && h("p", { class: "note muted" }, notes.join(" "));
    if (kind === "text") fill(this.body, h("div", { class: "words", tabindex: 0 }, text));
    if (kind === "other") {
      const look = button("See its data", () => ask(this), { title: `See the data of ${title}`, about: title });
      fill(this.body, h("p", {}, `Grafana draws this as “${type}”, which this page does not.`), h("div", { class: "actions" }, look));
    }
    return h("section", { class: `card kind-${kind}`, "aria-label": title || type }, h("header", {}, h("h3", { title: description || false }, title)), this.body, note);
  }

  /** Whether it is fetched without being asked for. */
  get asks() {
    return ["plot", "figure", "table"].includes(this.panel.kind);
  }

  get points() {
    return Math.min(2000, Math.max(50, Math.round(this.body.clientWidth) || 400));
  }

  async show(load, quiet) {
    const mark = (this.mark = {});
    if (!quiet || !this.body.childElementCount) fill(this.body, loading());
    try {
      const data = await load();
      if (this.mark === mark) this.draw(data);
    } catch (error) {
      if (this.mark === mark) fill(this.body, failure(error));
    }
  }

  draw(data) {
    this.plot?.drop();
    this.plot = null;
    const problems = data.problems.map(({ query, message }) => h("p", { class: "problem", role: "status" }, `Query ${query}: ${message}`));
    const rest = data.leftOff > 0 && h("p", { class: "note muted" }, `${plural(data.leftOff, "more")} not drawn.`);
    fill(this.body, problems, this.content(data, problems.length), rest);
    this.plot?.fit();
  }

  content(data, failed) {
    const { kind } = this.panel;
    if (data.tables.length) return data.tables.map((one) => table(one));
    if (!data.series.length || data.series.every(({ values }) => !values.length)) return !failed && h("p", { class: "muted" }, "No data in this time.");
    if (kind === "figure") return this.figures(data.series);
    this.plot = new Plot(this.panel, data);
    return this.plot.element;
  }

  figures(series) {
    const { unit, decimals } = this.panel;
    return h("ul", { class: "figures" }, series.map((one) => h("li", {}, h("strong", {}, shown(one.figure, unit || one.unit, decimals)), series.length > 1 && h("span", { class: "muted" }, one.name))));
  }

  drop() {
    this.mark = null;
    this.plot?.drop();
  }
}

function table({ name, columns, rows, total }) {
  const cell = (value, { type, unit }) => {
    if (value === null) return "";
    if (type === "time") return new Date(value).toLocaleString();
    return type === "number" ? shown(value, unit) : String(value);
  };
  const heads = columns.map((column) => h("th", { class: column.type === "number" ? "right" : "" }, column.name));
  const body = rows.map((row) => h("tr", {}, row.map((value, at) => h("td", { class: columns[at].type === "number" ? "right number" : "" }, cell(value, columns[at])))));
  return [
    h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": `Table ${name}` }, h("table", { class: "plain" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, body))),
    total > rows.length && h("p", { class: "note muted" }, `The first ${rows.length} of ${plural(total, "row")}.`),
  ];
}
