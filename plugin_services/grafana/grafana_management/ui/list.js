// A list that comes page by page, with a search.

import { fill, h } from "./kit/dom.js";
import { count, plural } from "./kit/format.js";
import { button, empty, into, moreButton } from "./kit/parts.js";
import { searchForm, searchInput } from "./kit/search.js";

/**
 * `path` is the call, which answers {[field], more, total?}; `columns` {label: cell(one)}; `nothing(search)` words
 * where there is none; `add` makes one, with `addLabel`; `remember(query)` puts what is looked for into the
 * address; `tools` are elements beside the search, `query()` what they say.
 */
export class List {
  constructor(page, place, options) {
    Object.assign(this, { page, query: () => ({}), tools: [], many: undefined, above: h("div"), ...options });
    this.input = searchInput(this.hint, { value: options.search ?? "" });
    this.table = h("div");
    const form = searchForm(
      this.input,
      () => this.look(),
      {},
      this.tools,
      this.add && page.writable && button(this.addLabel, () => this.make(), { symbol: "plus", kind: "primary", title: `${this.addLabel} (n)` }),
      button("", () => this.load(), { symbol: "refresh", title: "Load again (r)" }),
    );
    fill(place, this.before, form, this.above, this.table);
    this.load();
  }

  get sought() {
    return this.input.value.trim() || undefined;
  }

  look() {
    this.remember?.({ search: this.sought, ...this.query() });
    this.load();
  }

  load(quiet = false) {
    const query = { ...this.query(), search: this.sought };
    const draw = (found) => {
      this.loaded?.(found);
      if (!found[this.field].length) return empty(...this.nothing(Boolean(query.search)));
      const body = h("tbody", {}, found[this.field].map((one) => this.row(one)));
      const foot = h("div", { class: "list-foot" });
      this.foot(foot, body, found, query, 1);
      const heads = Object.keys(this.columns).map((label) => h("th", {}, label));
      return [this.note?.(found), h("div", { class: "panel" }, h("div", { class: "body" }, h("table", { class: "plain stack records" }, h("thead", {}, h("tr", {}, heads)), body))), foot];
    };
    into(this.table, () => this.page.api.get(this.path, query), { quiet, draw });
  }

  row(one) {
    return h("tr", {}, Object.entries(this.columns).map(([label, cell]) => h("td", { "data-label": label }, h("div", {}, cell(one)))));
  }

  foot(foot, body, found, query, number) {
    const more = async () => {
      try {
        const next = await this.page.api.get(this.path, { ...query, page: number + 1 });
        body.append(...next[this.field].map((one) => this.row(one)));
        this.foot(foot, body, next, query, number + 1);
      } catch (error) {
        this.page.failed(error);
      }
    };
    const shown = body.childElementCount;
    const words = found.total === undefined ? `${plural(shown, this.one, this.many)}${found.more ? ", there are more" : ""}` : `${count(shown)} of ${plural(found.total, this.one, this.many)}`;
    fill(foot, h("span", { class: "grow muted" }, words), found.more && moreButton(more));
  }

  async make() {
    if (await this.add(this.page)) this.load();
  }

  key({ key }) {
    if (key === "/") return this.input.focus(), this.input.select(), true;
    if (key === "n" && this.add && this.page.writable) return this.make(), true;
    if (key === "Escape" && this.back) return this.back(), true;
    return key === "r" && (this.load(), true);
  }
}
