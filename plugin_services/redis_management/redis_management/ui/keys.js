// The keys: a search, the list it gives, and the key that is open.

import { keyQuery } from "./api.js";
import { deleteMatching } from "./delete_matching.js";
import { fill, h } from "./kit/dom.js";
import { TYPES } from "./format.js";
import { count, plural } from "./kit/format.js";
import { KeyPane } from "./key.js";
import { KeyList, patternOf } from "./key_list.js";
import { newKey } from "./new_key.js";
import { button, choice } from "./kit/parts.js";
import { searchForm, searchInput } from "./kit/search.js";
import { exportKeys, importKeys } from "./transfer.js";

export function keysView(page, place, params) {
  return new KeysView(page, place, params);
}

class KeysView {
  constructor(page, place, params) {
    Object.assign(this, { page, params });
    this.search = searchInput("Name or pattern, e.g. user:*", { value: params.pattern ?? "", label: "Pattern" });
    this.type = choice({ "": "All types", ...TYPES }, params.type ?? "", () => this.look());
    this.type.setAttribute("aria-label", "Type");
    this.picked = h("div", { class: "picked" });
    this.list = new KeyList(page, { open: (name) => this.open(name), selected: () => this.drawPicked() });
    this.side = h("section", { class: "side", "aria-label": "Key" });
    this.frame = h("div", { class: "two" }, h("div", { class: "left" }, this.tools(), this.picked, this.list.element), this.side);
    fill(place, this.frame);
    this.look({ quiet: true });
    this.show(params.key === undefined ? null : { encoding: params.keyEncoding ?? "utf-8", data: params.key });
  }

  tools() {
    return searchForm(
      this.search,
      () => this.look(),
      { kind: "tools" },
      this.type,
      h("div", { class: "actions" },
        this.page.writable && button("New key", () => this.add(), { symbol: "plus", kind: "primary", title: "New key (n)" }),
        button("", () => this.look({ quiet: true }), { symbol: "refresh", title: "Load again (r)" }),
        button("Export…", () => exportKeys(this.page, patternOf(this.pattern), this.type.value || undefined), { title: "Export every key that the search matches" }),
        this.page.writable && button("Import…", () => this.import(), { title: "Import keys from a file" }),
        this.page.writable && button("Delete matching…", () => this.deleteMatching(), { kind: "danger", title: "Delete every key that the search matches" })),
    );
  }

  get pattern() {
    return this.search.value.trim();
  }

  look({ quiet = false } = {}) {
    if (!quiet) this.address(this.params.key === undefined ? {} : { key: this.params.key, keyEncoding: this.params.keyEncoding });
    this.list.search(this.pattern, this.type.value || undefined);
  }

  address(key) {
    this.params = { pattern: this.pattern || undefined, type: this.type.value || undefined, ...key };
    this.page.go("keys", this.params, { quiet: true });
  }

  open(name) {
    const query = name ? keyQuery(name) : {};
    this.address(query);
    this.show(name);
  }

  show(name) {
    this.list.open(name);
    this.frame.classList.toggle("opened", name !== null);
    if (name === null) {
      this.pane = this.side.current = null;
      fill(this.side, h("p", { class: "hint muted" }, "Choose a key to see its value. Press ", h("kbd", {}, "?"), " for the keyboard."));
      return;
    }
    this.pane = new KeyPane(this.page, this.side, name, {
      close: () => this.open(null),
      gone: () => {
        this.list.drop([name]);
        this.open(null);
      },
      renamed: (now) => {
        this.list.drop([name]);
        this.open(now);
        this.look({ quiet: true });
      },
    });
  }

  drawPicked() {
    const chosen = this.list?.selected;
    if (!chosen?.size) return fill(this.picked);
    const clear = () => {
      for (const box of this.list.list.querySelectorAll("input:checked")) box.checked = false;
      chosen.clear();
      this.drawPicked();
    };
    return fill(
      this.picked,
      h("span", { class: "grow" }, `${plural(chosen.size, "key")} selected`),
      button("Clear", clear, { kind: "quiet" }),
      button(`Delete ${count(chosen.size)}`, () => this.deletePicked(), { symbol: "trash", kind: "danger" }),
    );
  }

  async deletePicked() {
    const names = [...this.list.selected.values()].map((key) => key.name);
    if (!(await this.page.sure(`Delete ${plural(names.length, "key")}? This cannot be undone.`, "Delete"))) return;
    try {
      let deleted = 0;
      for (let at = 0; at < names.length; at += 500) {
        const part = names.slice(at, at + 500);
        const body = { names: part.map(({ data, encoding }) => ({ data, encoding })) };
        deleted += (await this.page.api.post("/keys/delete", {}, body)).deleted;
        this.list.drop(part);
      }
      this.page.done(`Deleted ${plural(deleted, "key")}.`);
    } catch (error) {
      this.page.failed(error);
    }
  }

  async deleteMatching() {
    const outcome = await deleteMatching(this.page, patternOf(this.pattern), this.type.value || undefined);
    if (outcome) this.look({ quiet: true });
  }

  async import() {
    if (await importKeys(this.page)) this.look({ quiet: true });
  }

  async add() {
    const made = await newKey(this.page);
    if (made?.name) {
      this.list.add([made]);
      this.open(made.name);
    }
  }

  key(event) {
    const { key } = event;
    if (key === "/") return this.search.focus(), this.search.select(), true;
    if (key === "j" || key === "ArrowDown") return this.list.move(1);
    if (key === "k" || key === "ArrowUp") return this.list.move(-1);
    if (key === " " && document.activeElement?.closest(".key-list")) return this.list.toggleFocused();
    if (key === "n" && this.page.writable) return this.add(), true;
    if (key === "r") return this.pane?.load(), this.look({ quiet: true }), true;
    if (key === "Escape" && this.pane) return this.open(null), true;
    if (key === "Delete" && this.pane && this.page.writable) return this.pane.remove(), true;
    return false;
  }

  leave() {
    this.list.leave();
  }
}
