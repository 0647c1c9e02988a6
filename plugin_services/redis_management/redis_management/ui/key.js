// One open key: what is known about it, what can be done with it, and its value.

import { keyQuery } from "./api.js";
import { blobOf, bytesOf, shown } from "./bytes.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { ByteField } from "./editor.js";
import { ttl, TYPES } from "./format.js";
import { plural, size } from "./kit/format.js";
import { button, choice, field, loading, retrying, typeBadge } from "./kit/parts.js";
import { hashValue } from "./values/hash.js";
import { listValue } from "./values/list.js";
import { setValue } from "./values/set.js";
import { sortedSetValue } from "./values/sorted_set.js";
import { streamValue } from "./values/stream.js";
import { stringValue } from "./values/string.js";

const VALUES = { string: stringValue, hash: hashValue, list: listValue, set: setValue, zset: sortedSetValue, stream: streamValue };
const NOUNS = { hash: ["field"], set: ["member"], zset: ["member"], stream: ["entry", "entries"] };
const UNITS = { 1: "seconds", 60: "minutes", 3600: "hours", 86400: "days" };

export class KeyPane {
  /** `tell` has close(), gone(), renamed(name). */
  constructor(page, place, name, tell) {
    Object.assign(this, { page, place, name, tell, query: keyQuery(name) });
    this.load();
  }

  async load(tries = 0) {
    // Another key may be opened in this place, or none, before the answer is here.
    const mark = (this.place.current = {});
    if (!tries) fill(this.place, loading());
    try {
      const detail = await this.page.api.get("/key", this.query);
      if (this.place.current !== mark) return;
      this.detail = detail;
    } catch (error) {
      const again = (failed) => this.load(failed);
      if (this.place.current === mark) fill(this.place, this.bar(), retrying(error, again, tries));
      return;
    }
    this.head = h("div", { class: "key-head" });
    this.value = h("div", { class: "key-value" });
    fill(this.place, this.bar(), this.head, this.value);
    this.drawHead();
    this.drawValue();
  }

  bar() {
    const writable = this.page.writable && this.detail;
    return h(
      "div",
      { class: "key-bar" },
      button("", () => this.tell.close(), { symbol: "back", kind: "quiet back", title: "Back to the list (Esc)" }),
      h("h2", { class: "grow code name" }, shown(this.name)),
      button("", () => this.load(), { symbol: "refresh", kind: "quiet", title: "Load again (r)" }),
      writable && button("", () => this.rename(), { symbol: "edit", kind: "quiet", title: "Rename" }),
      writable && button("", () => this.remove(), { symbol: "trash", kind: "quiet danger", title: "Delete (Del)" }),
    );
  }

  drawHead() {
    const { type, length, memory, encoding, ttlMs } = this.detail;
    const [one, many] = NOUNS[type] ?? ["element"];
    const amount = type === "string" ? size(length) : plural(length ?? 0, one, many);
    fill(
      this.head,
      typeBadge(type, TYPES[type] ?? type),
      h("span", {}, amount),
      h("span", { class: "muted", title: "Memory, as Redis stores it" }, `${size(memory)} in memory${encoding ? ` as ${encoding}` : ""}`),
      this.page.writable
        ? button(ttl(ttlMs), () => this.expiry(), { kind: "link", title: "Change the time to live" })
        : h("span", {}, ttl(ttlMs)),
    );
  }

  drawValue() {
    const make = VALUES[this.detail.type];
    if (!make) {
      fill(this.value, h("p", { class: "muted" }, `Values of the type ${this.detail.type} belong to a module of Redis; they cannot be shown here.`));
      return;
    }
    make({ page: this.page, api: this.page.api, query: this.query, detail: this.detail, place: this.value, changed: (change) => this.changed(change) });
  }

  /** After a change of the value: `length` 0 means that Redis has removed the key. */
  async changed({ length }) {
    if (length === 0 && this.detail.type !== "string" && this.detail.type !== "stream") {
      this.page.done("That was the last one: the key is gone.");
      this.tell.gone();
      return;
    }
    try {
      this.detail = await this.page.api.get("/key", this.query);
      this.drawHead();
    } catch (error) {
      this.page.failed(error);
    }
  }

  async rename() {
    const input = new ByteField(bytesOf(this.name), { label: "New name", rows: 2 });
    const replace = h("input", { type: "checkbox" });
    const answer = await formDialog(this.page.root.firstChild, {
      title: "Rename the key",
      accept: "Rename",
      body: [field("New name", input.element), h("label", { class: "check" }, replace, "Replace a key that has this name already")],
      submit: () => this.page.api.post("/key/rename", this.query, { name: blobOf(input.value()), replace: replace.checked }),
    });
    if (answer) this.tell.renamed(answer.name);
  }

  async expiry() {
    const now = this.detail.ttlMs;
    const amount = h("input", { class: "input", type: "number", min: 1, step: "any", value: now === null ? "" : String(Math.ceil(now / 1000)), placeholder: "never" });
    const unit = choice(UNITS, "1");
    const answer = await formDialog(this.page.root.firstChild, {
      title: "Time to live",
      accept: "Save",
      body: [h("div", { class: "pair" }, field("Expires in", amount), field("Unit", unit)), h("p", { class: "muted" }, "Leave empty to keep the key for good.")],
      submit: () => this.saveExpiry(amount.value, Number(unit.value)),
    });
    if (!answer) return;
    this.detail = answer;
    this.drawHead();
  }

  saveExpiry(amount, unit) {
    if (amount.trim() === "") return this.page.api.remove("/key/ttl", this.query);
    const milliseconds = Math.round(Number(amount) * unit * 1000);
    if (!(milliseconds > 0)) throw new Error("The time to live must be more than zero.");
    return this.page.api.put("/key/ttl", this.query, { ttlMs: milliseconds });
  }

  async remove() {
    if (!(await this.page.sure(`Delete the key ${shown(this.name).slice(0, 300)}? This cannot be undone.`, "Delete"))) return;
    try {
      const { deleted } = await this.page.api.remove("/key", this.query);
      this.page.done(deleted ? "Deleted." : "It was gone already.");
      this.tell.gone();
    } catch (error) {
      this.page.failed(error);
    }
  }
}
