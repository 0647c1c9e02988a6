// A table of elements that comes page by page: what hash, list, set, sorted set and stream have in common.

import { bytesOf, shown } from "../bytes.js";
import { formDialog } from "../kit/dialog.js";
import { fill, h } from "../kit/dom.js";
import { ByteField } from "../editor.js";
import { count, plural, size } from "../kit/format.js";
import { button, field, retrying } from "../kit/parts.js";

/** Whole values up to this size are edited here. */
export const EDITABLE = 1024 * 1024;

export class PagedTable {
  /**
   * `fetchPage(next)` gives {rows, next, total}; next is undefined at first and null at the end.
   * `heads` are the names of the columns, `tools` elements above the table.
   */
  constructor(key, { heads, tools = [], fetchPage, noun, nouns = `${noun}s` }) {
    Object.assign(this, { key, fetchPage, noun, nouns, run: 0 });
    this.body = h("tbody");
    this.foot = h("div", { class: "list-foot", role: "status" });
    const head = h("tr", {}, heads.map((name) => h("th", {}, name)), h("th"));
    fill(
      key.place,
      tools.some(Boolean) && h("div", { class: "tools" }, tools),
      h("div", { class: "scroll" }, h("table", { class: "plain values" }, h("thead", {}, head), this.body)),
      this.foot,
    );
    this.reload();
  }

  reload() {
    this.run += 1;
    this.next = undefined;
    this.shown = 0;
    return this.more(this.run);
  }

  async more(run = this.run, tries = 0) {
    if (!tries) fill(this.foot, h("span", { class: "spinner", "aria-hidden": "true" }), "Loading…");
    try {
      const first = this.next === undefined;
      let rows = [];
      let total = 0;
      // A page of a sparse search may be empty before the end.
      do {
        const page = await this.fetchPage(this.next);
        if (run !== this.run) return;
        this.next = page.next;
        total = page.total;
        rows = rows.concat(page.rows);
      } while (this.next !== null && !rows.length);
      if (first) fill(this.body);
      this.body.append(...rows);
      this.shown += rows.length;
      const all = this.next === null;
      const words = all ? `${plural(this.shown, this.noun, this.nouns)}${this.shown === total ? "" : ` of ${count(total)}`}` : `${count(this.shown)} of ${plural(total, this.noun, this.nouns)}`;
      fill(this.foot, h("span", { class: "muted grow" }, words), !all && button("More", () => this.more()));
    } catch (error) {
      if (run === this.run) fill(this.foot, retrying(error, (failed) => this.more(run, failed), tries));
    }
  }
}

/** A row with what can be done with it at its end. */
export function row(cells, actions) {
  return h("tr", {}, cells, h("td", { class: "row-actions" }, actions));
}

/** A cell for a value: one line where it is short, cut where it is long. */
export function valueCell(blob) {
  const text = shown(blob);
  const cut = text.length > 400 ? `${text.slice(0, 400)}…` : text;
  return h("td", { class: "code value" }, cut, blob.size > 400 && h("small", { class: "muted" }, ` ${size(blob.size)}`));
}

/** Shows a value, or edits it: the whole is fetched first where only its beginning is known. */
export async function editValue(key, { title, item, whole, save }) {
  try {
    const page = item.value.truncated ? await whole(Math.min(item.value.size + 4, EDITABLE)) : item;
    const complete = !page.nextOffset;
    const writable = key.page.writable && complete;
    const value = new ByteField(bytesOf(page.value), { rows: 14, readOnly: !writable });
    const note = complete ? "" : `Only the first ${size(EDITABLE)} are shown; a value this large is not edited here.`;
    return await formDialog(key.page.root.firstChild, {
      title,
      wide: true,
      accept: writable ? "Save" : "Close",
      body: [field("Value", value.element, note)],
      submit: () => (writable && value.edited ? save(value.value(), page.tag) : "unchanged"),
    });
  } catch (error) {
    key.page.failed(error);
    return undefined;
  }
}

/** Asks, removes, and tells the key. */
export async function removeElement(key, question, call, done) {
  if (!(await key.page.sure(question, "Delete"))) return;
  try {
    const change = await call();
    done();
    await key.changed(change);
  } catch (error) {
    key.page.failed(error);
  }
}
