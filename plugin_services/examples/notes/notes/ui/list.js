// The notes that match, pinned ones first.

import { button, h } from "./dom.js";
import { ago, heading } from "./format.js";

function before(a, b) {
  return b.pinned - a.pinned || b.updated.localeCompare(a.updated) || b.id - a.id;
}

export class List {
  /** `open(id)` when one is chosen, `more()` when the next page is wanted. */
  constructor({ open, more, add }) {
    Object.assign(this, { open, more, add, notes: [], next: null, total: 0, query: "", chosen: null });
    this.element = h("div", { className: "list" });
    this.element.addEventListener("keydown", (event) => this.move(event));
  }

  show(page, query) {
    Object.assign(this, { notes: page.notes, next: page.next, total: page.total, query });
    this.draw();
  }

  /** `current` is whether nothing has changed since the page was asked for: else its total may be old. */
  append(page, current) {
    const known = new Set(this.notes.map((note) => note.id));
    this.notes.push(...page.notes.filter((note) => !known.has(note.id)));
    Object.assign(this, { next: page.next, total: current ? page.total : this.total });
    this.draw();
  }

  put(note) {
    if (this.notes.some((other) => other.id === note.id && other.revision > note.revision)) return;
    const others = this.notes.filter((other) => other.id !== note.id);
    this.total += others.length === this.notes.length ? 1 : 0;
    this.notes = [...others, note].sort(before);
    this.draw();
  }

  drop(id) {
    const others = this.notes.filter((note) => note.id !== id);
    this.total -= this.notes.length - others.length;
    this.notes = others;
    this.draw();
  }

  choose(id) {
    this.chosen = id;
    this.draw();
  }

  loading() {
    this.element.replaceChildren(h("p", { className: "hint", role: "status" }, "Loading…"));
  }

  failed(error, again) {
    const words = h("p", { className: "hint bad", role: "alert" }, error.message);
    this.element.replaceChildren(words, h("p", { className: "hint" }, button("Try again", again)));
  }

  draw() {
    if (!this.notes.length) return this.element.replaceChildren(this.nothing());
    const focused = document.activeElement?.dataset?.note;
    const rows = h("ul", {}, ...this.notes.map((note) => this.row(note)));
    const count = this.total === 1 ? "1 note" : `${this.total} notes`;
    const foot = h("p", { className: "hint" }, count, this.next ? button("Show more", this.more) : null);
    this.element.replaceChildren(rows, foot);
    if (focused) this.element.querySelector(`[data-note="${focused}"]`)?.focus();
  }

  row(note) {
    const marks = [note.pinned ? "pinned" : "", note.attachments.length ? `${note.attachments.length} attached` : ""];
    const facts = [ago(note.updated), note.author, ...marks].filter(Boolean).join(" · ");
    const choice = button("", () => this.open(note.id), { className: "row" });
    choice.dataset.note = note.id;
    if (note.id === this.chosen) choice.setAttribute("aria-current", "true");
    choice.append(h("strong", {}, heading(note)), h("span", {}, facts));
    return h("li", { className: note.pinned ? "pinned" : "" }, choice);
  }

  nothing() {
    if (this.query) return h("p", { className: "hint" }, `No note has “${this.query}”.`);
    const words = h("p", {}, "No notes yet. Everyone who has this page open sees a new one at once.");
    return h("div", { className: "hint" }, words, button("Write the first note", this.add, { className: "main" }));
  }

  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const rows = [...this.element.querySelectorAll(".row")];
    const at = rows.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    rows[at + step]?.focus();
  }
}
