// Folders and objects, loaded page by page as one scrolls.

import { at } from "./api.js";
import { fill, h } from "./kit/dom.js";
import { count, plural, size } from "./kit/format.js";
import { button, empty, loading, retrying, typeBadge } from "./kit/parts.js";

const PAGE = 200;

export class ObjectList {
  /** `tell` has folder(prefix), open(key) and selected(). */
  constructor(page, bucket, tell) {
    Object.assign(this, { page, bucket, tell, selected: new Set(), rows: new Map(), run: 0, opened: null });
    this.list = h("ul", { class: "object-list" });
    this.foot = h("div", { class: "list-foot" });
    this.element = h("div", { class: "list" }, this.list, this.foot);
    this.watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.more?.(), { root: this.element, rootMargin: "300px" });
  }

  search(prefix) {
    this.leave();
    Object.assign(this, { prefix, token: "", more: null });
    this.rows.clear();
    this.selected.clear();
    this.tell.selected();
    fill(this.list);
    this.walk(this.run);
  }

  async walk(run, tries = 0) {
    this.more = null;
    this.watch.disconnect();
    fill(this.foot, loading());
    try {
      const page = await this.page.api.get(at(this.bucket, "/objects"), { prefix: this.prefix, token: this.token, limit: PAGE });
      if (run !== this.run) return;
      this.token = page.token;
      this.add(page);
      this.settle(run);
    } catch (error) {
      if (run === this.run) fill(this.foot, retrying(error, (failed) => this.walk(run, failed), tries));
    }
  }

  settle(run) {
    if (!this.rows.size && this.token === null) {
      return fill(this.foot, this.prefix ? empty("Nothing here", "No name begins like this.") : empty("No objects yet", "Upload files, or drop them here."));
    }
    const ended = this.token === null;
    this.more = ended ? null : () => this.walk(run);
    fill(this.foot, h("span", { class: "grow muted" }, ended ? plural(this.rows.size, "entry", "entries") : `${count(this.rows.size)} shown, there are more`), !ended && button("More", () => this.more?.()));
    if (!ended) this.watch.observe(this.foot);
    return undefined;
  }

  /** One page: its folders, then its objects. */
  add({ folders, objects }) {
    const entries = [...folders.map((key) => ({ key, folder: true })), ...objects].filter(({ key }) => !this.rows.has(key));
    for (const entry of entries) {
      const row = entry.folder ? this.folderRow(entry.key) : this.row(entry);
      this.rows.set(entry.key, row);
      this.list.append(row);
    }
    this.open(this.opened);
  }

  name(key) {
    const base = this.prefix.slice(0, this.prefix.lastIndexOf("/") + 1);
    return key.slice(base.length) || key;
  }

  folderRow(key) {
    return h("li", { class: "folder" }, h("button", { type: "button", class: "object-row", onclick: () => this.tell.folder(key) }, typeBadge("folder"), h("span", { class: "name code" }, this.name(key))));
  }

  row({ key, size: bytes }) {
    const box = h("input", { type: "checkbox", tabindex: -1, "aria-label": `Select ${this.name(key)}` });
    box.addEventListener("change", () => {
      if (box.checked) this.selected.add(key);
      else this.selected.delete(key);
      this.tell.selected();
    });
    const open = h("button", { type: "button", class: "object-row", onclick: () => this.tell.open(key) }, h("span", { class: "name code" }, this.name(key)), h("span", { class: "muted size" }, size(bytes)));
    return h("li", {}, this.page.writable && box, open);
  }

  open(key) {
    this.opened = key;
    for (const row of this.list.querySelectorAll(".open")) row.classList.remove("open");
    this.rows.get(key)?.classList.add("open");
  }

  has(key) {
    return this.rows.has(key);
  }

  drop(keys) {
    for (const key of keys) {
      this.rows.get(key)?.remove();
      this.rows.delete(key);
      this.selected.delete(key);
    }
    this.tell.selected();
  }

  clear() {
    for (const box of this.list.querySelectorAll("input:checked")) box.checked = false;
    this.selected.clear();
    this.tell.selected();
  }

  /** Moves the keyboard's focus by one row. */
  move(by) {
    const all = [...this.list.querySelectorAll(".object-row")];
    const at = all.indexOf(document.activeElement);
    const opened = this.rows.get(this.opened)?.querySelector(".object-row");
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
