// The list of keys: pages of a bounded walk, one after the other, until enough are found.

import { shown } from "./bytes.js";
import { fill, h } from "./kit/dom.js";
import { ttl } from "./format.js";
import { count, plural } from "./kit/format.js";
import { button, empty, retrying, typeBadge } from "./kit/parts.js";

const PAGE = 100;
const MARK = { string: "str", hash: "hash", list: "list", set: "set", zset: "zset", stream: "strm" };

/** Text without any of * ? [ \ is looked for anywhere in the name. */
export function patternOf(text) {
  if (text === "") return "*";
  return /[*?[\\]/.test(text) ? text : `*${text}*`;
}

export function identity(name) {
  return `${name.encoding}:${name.data}`;
}

export class KeyList {
  /** `tell` has open(name), selected(). */
  constructor(page, tell) {
    Object.assign(this, { page, tell, rows: new Map(), selected: new Map(), run: 0 });
    this.list = h("ul", { class: "key-list", "aria-label": "Keys" });
    this.foot = h("div", { class: "list-foot", role: "status" });
    this.element = h("div", { class: "list" }, this.list, this.foot);
    // The end of the list coming into sight loads the next page.
    this.watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.more?.());
  }

  /** Begins a new search. */
  async search(text, type) {
    const run = (this.run += 1);
    Object.assign(this, { text, type, cursor: "0", lookedAt: 0, total: 0, more: null, stopped: false });
    this.rows.clear();
    this.selected.clear();
    this.tell.selected();
    fill(this.list);
    this.watch.disconnect();
    if (text && patternOf(text) !== text) await this.exact(text, run);
    // Another search may have begun meanwhile, which walks by itself.
    return run === this.run && this.walk(run);
  }

  /** A key of exactly that name stands at the top at once. */
  async exact(text, run) {
    const pattern = text;
    const page = await this.page.api.get("/keys", { pattern, type: this.type }).catch(() => null);
    if (page && run === this.run) this.add(page.keys);
  }

  /** Walks on until a page is full, all is seen, or somebody stops it. */
  async walk(run, tries = 0) {
    this.more = null;
    const wanted = this.rows.size + PAGE;
    try {
      do {
        if (!tries) this.progress();
        const query = { pattern: patternOf(this.text), type: this.type, cursor: this.cursor, limit: PAGE };
        const page = await this.page.api.get("/keys", query);
        if (run !== this.run) return;
        this.cursor = page.cursor;
        this.total = page.total;
        this.lookedAt = Math.min(this.lookedAt + page.lookedAt, page.total);
        this.add(page.keys);
      } while (this.cursor !== "0" && this.rows.size < wanted && !this.stopped);
      this.settle(run);
    } catch (error) {
      if (run === this.run) fill(this.foot, retrying(error, (failed) => this.walk(run, failed), tries));
    }
    this.stopped = false;
  }

  progress() {
    const seen = this.total ? `Looked at ${count(this.lookedAt)} of ${plural(this.total, "key")}…` : "Looking…";
    fill(this.foot, h("span", { class: "spinner", "aria-hidden": "true" }), h("span", { class: "grow" }, seen), button("Stop", () => (this.stopped = true), { kind: "quiet" }));
  }

  settle(run) {
    const ended = this.cursor === "0";
    if (ended && !this.rows.size) {
      const none = this.text || this.type ? empty("No key matches", "Try another pattern or type.") : empty("No keys here", "This database is empty.");
      return fill(this.foot, none);
    }
    const shown = plural(this.rows.size, "key");
    const words = ended ? shown : `${shown} shown; looked at ${count(this.lookedAt)} of ${count(this.total)}`;
    this.more = ended ? null : () => this.walk(run);
    fill(this.foot, h("span", { class: "grow muted" }, words), !ended && button("More", () => this.more?.()));
    this.watch.disconnect();
    if (!ended && !this.stopped) this.watch.observe(this.foot);
    return undefined;
  }

  add(keys) {
    for (const key of keys) {
      const id = identity(key.name);
      if (!this.rows.has(id)) {
        const row = this.row(key, id);
        this.rows.set(id, { key, row });
        this.list.append(row);
      }
    }
    this.markOpen();
  }

  row(key, id) {
    const name = shown(key.name);
    const box = h("input", { type: "checkbox", tabindex: -1, "aria-label": `Select ${name}` });
    box.addEventListener("change", () => this.select(id, key, box.checked));
    const open = h(
      "button",
      { type: "button", class: "key-row", onclick: () => this.tell.open(key.name) },
      typeBadge(key.type, MARK[key.type] ?? key.type),
      h("span", { class: "name code" }, name),
      key.ttlMs !== null && h("span", { class: "muted ttl" }, ttl(key.ttlMs)),
    );
    return h("li", { "data-id": id }, this.page.writable && box, open);
  }

  select(id, key, on) {
    if (on) this.selected.set(id, key);
    else this.selected.delete(id);
    this.tell.selected();
  }

  /** Which key is open at the side. */
  open(name) {
    this.opened = name ? identity(name) : null;
    this.markOpen();
  }

  markOpen() {
    for (const row of this.list.querySelectorAll(".open")) row.classList.remove("open");
    this.rows.get(this.opened)?.row.classList.add("open");
  }

  drop(names) {
    for (const name of names) {
      const id = identity(name);
      this.rows.get(id)?.row.remove();
      this.rows.delete(id);
      this.selected.delete(id);
    }
    this.tell.selected();
  }

  /** Moves the keyboard's focus by one row. */
  move(by) {
    const all = [...this.list.querySelectorAll(".key-row")];
    const at = all.indexOf(document.activeElement);
    const opened = this.rows.get(this.opened)?.row.querySelector(".key-row");
    const from = at >= 0 ? at : opened ? all.indexOf(opened) : -1;
    all[Math.max(0, Math.min(all.length - 1, from + by))]?.focus();
    return all.length > 0;
  }

  toggleFocused() {
    const box = document.activeElement?.closest("li")?.querySelector("input[type=checkbox]");
    box?.click();
    return Boolean(box);
  }

  leave() {
    this.run += 1;
    this.watch.disconnect();
  }
}

