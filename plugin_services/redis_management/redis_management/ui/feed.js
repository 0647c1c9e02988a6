// A list of what is heard, the newest first, and the buttons that begin and end it.

import { Events } from "./events.js";
import { fill, h } from "./kit/dom.js";
import { count, plural } from "./kit/format.js";
import { button, failure } from "./kit/parts.js";

const SHOWN = 500;

export class Feed {
  /** `ask()` gives {path, query} or throws in words; `line(item)` cells of a row; `heads` their names. */
  constructor(page, { ask, line, heads, begin, noun }) {
    Object.assign(this, { page, ask, line, heads, begin, noun, events: null });
    this.state = h("p", { class: "muted grow", role: "status" });
    this.buttons = h("div", { class: "actions" });
    this.problem = h("div");
    this.rows = h("tbody");
    const head = h("thead", {}, h("tr", {}, heads.map((name) => h("th", {}, name))));
    this.element = h(
      "div",
      {},
      h("div", { class: "bar" }, this.state, this.buttons),
      this.problem,
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${noun}s` }, h("table", { class: "plain stack feed" }, head, this.rows)),
    );
    this.reset();
    this.draw();
  }

  reset() {
    this.heard = 0;
    this.dropped = 0;
    fill(this.rows);
  }

  start() {
    this.stop();
    fill(this.problem);
    try {
      const { path, query } = this.ask();
      this.reset();
      this.events = new Events(this.page, path, query, {
        heard: (event, data) => (event === "messages" ? this.add(data) : this.ended(data)),
        over: (error) => this.over(error),
      });
    } catch (error) {
      fill(this.problem, failure(error));
    }
    this.draw();
  }

  add({ items, dropped }) {
    this.heard += items.length;
    this.dropped += dropped;
    const rows = items.slice(-SHOWN).reverse().map((item) => h("tr", {}, this.line(item).map((cell, at) => h("td", { "data-label": this.heads[at], class: cell.kind }, cell.content))));
    this.rows.prepend(...rows);
    while (this.rows.children.length > SHOWN) this.rows.lastChild.remove();
    this.draw();
  }

  ended({ reason, message }) {
    this.reason = reason === "lost" ? message : "It has ended: its time is over.";
  }

  over(error) {
    this.events = null;
    if (error) fill(this.problem, failure(error));
    this.draw();
  }

  stop() {
    this.events?.stop();
    this.events = null;
    this.reason = "";
  }

  draw() {
    const words = [
      this.events ? "Listening." : this.reason || "Not listening.",
      `${plural(this.heard, this.noun)}${this.heard > SHOWN ? `, the newest ${SHOWN} shown` : ""}.`,
      this.dropped > 0 && `${count(this.dropped)} came too fast and were left out.`,
    ];
    this.state.textContent = words.filter(Boolean).join(" ");
    if (this.events) fill(this.buttons, button("Stop", () => (this.stop(), this.draw()), { title: "Stop listening" }));
    else fill(this.buttons, button(this.begin, () => this.start(), { kind: "primary" }));
  }
}
