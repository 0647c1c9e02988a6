// Fields and values to type in, one pair a row.

import { textBlob } from "./bytes.js";
import { h } from "./kit/dom.js";
import { button } from "./kit/parts.js";

export class PairsField {
  constructor() {
    this.rows = h("div", { class: "pairs" });
    this.element = h("div", {}, this.rows, button("One more", () => this.add().focus(), { symbol: "plus", kind: "quiet" }));
    this.add();
  }

  add() {
    const name = h("input", { class: "input code", placeholder: "field", "aria-label": "Field" });
    const value = h("input", { class: "input code", placeholder: "value", "aria-label": "Value" });
    const line = h("div", { class: "pair" }, name, value, button("", () => this.rows.children.length > 1 && line.remove(), { symbol: "close", kind: "quiet", title: "Remove this row" }));
    this.rows.append(line);
    return name;
  }

  /** What was typed, as the API takes it. */
  value() {
    return [...this.rows.children].map((line) => {
      const [name, value] = line.querySelectorAll("input");
      return { field: textBlob(name.value), value: textBlob(value.value) };
    });
  }
}
