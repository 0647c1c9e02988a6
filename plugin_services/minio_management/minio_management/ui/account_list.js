// What the lists of users, groups, policies and access keys have in common, and the pages of one of them.

import { fill, h } from "./kit/dom.js";
import { count, plural } from "./kit/format.js";
import { button, empty, into, moreButton } from "./kit/parts.js";
import { searchForm, searchInput } from "./kit/search.js";

/**
 * `part` is its place in the address; `path` the call, which answers {[field], after, total}; `asked` the name
 * of what is typed; `columns` {label: cell(one)}; `nothing` words where there is none; `add` makes one.
 */
export class AccountList {
  constructor(page, place, params, options) {
    Object.assign(this, { page, ...options });
    this.search = searchInput(this.hint, { value: params[this.asked] ?? "" });
    this.table = h("div");
    const form = searchForm(
      this.search,
      () => this.look(),
      {},
      page.writable && button(this.addLabel, () => this.make(), { symbol: "plus", kind: "primary", title: `${this.addLabel} (n)` }),
      button("", () => this.load(), { symbol: "refresh", title: "Load again (r)" }),
    );
    fill(place, form, this.table);
    this.load();
  }

  get query() {
    return { [this.asked]: this.search.value.trim() || undefined };
  }

  look() {
    this.page.go("access", { part: this.part, ...this.query }, { quiet: true });
    this.load();
  }

  load() {
    const query = this.query;
    into(this.table, async () => {
      const found = await this.page.api.get(this.path, query);
      if (!found.total) return empty(...this.nothing(this.search.value.trim()));
      const body = h("tbody", {}, found[this.field].map((one) => this.row(one)));
      const foot = h("div", { class: "list-foot" });
      this.foot(foot, body, found, query);
      const heads = Object.keys(this.columns).map((label) => h("th", {}, label));
      return [h("div", { class: "panel" }, h("div", { class: "body" }, h("table", { class: "plain stack accounts" }, h("thead", {}, h("tr", {}, heads)), body))), foot];
    });
  }

  row(one) {
    return h("tr", {}, Object.entries(this.columns).map(([label, cell]) => h("td", { "data-label": label }, h("div", {}, cell(one)))));
  }

  foot(foot, body, found, query) {
    const more = async () => {
      try {
        const next = await this.page.api.get(this.path, { ...query, after: found.after });
        body.append(...next[this.field].map((one) => this.row(one)));
        this.foot(foot, body, next, query);
      } catch (error) {
        this.page.failed(error);
      }
    };
    fill(foot, h("span", { class: "grow muted" }, `${count(body.childElementCount)} of ${plural(found.total, this.one, this.many)}`), found.after !== null && moreButton(more));
  }

  open(name, words) {
    return button(words ?? name, () => this.page.go("access", { part: this.part, name }), { kind: "link" });
  }

  async make() {
    if (await this.add(this.page)) this.load();
  }

  key({ key }) {
    if (key === "/") return this.search.focus(), this.search.select(), true;
    if (key === "n" && this.page.writable) return this.make(), true;
    return key === "r" && (this.load(), true);
  }
}

/**
 * One of them: `load()` asks for it, `draw(one, again)` gives {actions, content, remove}; `back` is where
 * Escape leads to.
 */
export function detailsView(page, place, { title, back, load, draw }) {
  const actions = h("div", { class: "actions" });
  const body = h("div");
  let drawn = {};
  const again = (quiet = true) =>
    into(body, load, { quiet, draw: (found) => {
      drawn = draw(found, again);
      fill(actions, drawn.actions);
      return drawn.content;
    } });
  fill(place, h("div", { class: "bar details" }, button("", back, { symbol: "back", kind: "quiet", title: "Back to the list" }), h("h2", { class: "grow code name" }, title), actions), body);
  again(false);
  return {
    key: ({ key }) => {
      if (key === "Escape") return back(), true;
      if (key === "Delete" && drawn.remove) return drawn.remove(), true;
      return key === "r" && (again(), true);
    },
  };
}

/** Asks first where there are `words`; says what went wrong, or that it is done, and goes on. */
export async function act(page, { words, accept, work, done, then }) {
  if (words && !(await page.sure(words, accept))) return;
  try {
    await work();
  } catch (error) {
    page.failed(error);
    return;
  }
  page.done(done);
  then?.();
}

export const badges = (names) => (names.length ? names.map((name) => h("span", { class: "badge tag" }, name)) : h("span", { class: "muted" }, "none"));

export const disabledBadge = (one) => !one.enabled && h("span", { class: "badge warn" }, "disabled");
