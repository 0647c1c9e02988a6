// What the lists have in common: a search, a table, more of it as one asks for it.

import { fill, h } from "./kit/dom.js";
import { count, plural } from "./kit/format.js";
import { button, empty, into, moreButton } from "./kit/parts.js";
import { searchForm, searchInput } from "./kit/search.js";

/**
 * `view` is its place in the address; `path` the call, which answers {[field], after, total}; `columns`
 * {label: cell(one)}; `nothing(search)` words where there is none; `head` stands before the search.
 */
export class List {
  constructor(page, place, params, options) {
    Object.assign(this, { page, ...options });
    this.search = searchInput("Part of the name", { value: params.search ?? "", label: `Search ${this.many}` });
    this.table = h("div");
    const form = searchForm(
      this.search,
      () => this.look(),
      { before: this.head },
      button("", () => this.load(), { symbol: "refresh", title: "Load again (r)" }),
    );
    fill(place, form, this.table);
    this.load();
  }

  get query() {
    return { search: this.search.value.trim() || undefined };
  }

  look() {
    this.page.go(this.view, { ...this.kept, ...this.query }, { quiet: true });
    this.load();
  }

  load() {
    const query = this.query;
    into(this.table, async () => {
      const found = await this.page.api.get(this.path, query);
      if (!found[this.field].length) return empty(...this.nothing(query.search));
      const body = h("tbody", {}, found[this.field].map((one) => this.row(one)));
      const foot = h("div", { class: "list-foot" });
      this.foot(foot, body, found, query);
      const heads = Object.keys(this.columns).map((label) => h("th", {}, label));
      return [h("div", { class: "panel" }, h("div", { class: "body" }, h("table", { class: "plain stack items" }, h("thead", {}, h("tr", {}, heads)), body))), foot];
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
    const shown = body.childElementCount;
    // The service does not tell how many workspaces there are.
    const words = found.total === undefined ? plural(shown, this.one, this.many) + (found.after === null ? "" : " so far") : `${count(shown)} of ${plural(found.total, this.one, this.many)}`;
    fill(foot, h("span", { class: "grow muted" }, words), found.after !== null && moreButton(more));
  }

  key({ key }) {
    if (key === "/") return this.search.focus(), this.search.select(), true;
    if (key === "Escape" && this.back) return this.back(), true;
    return key === "r" && (this.load(), true);
  }
}

/** A title with the way back, and actions; `draw` makes {title, actions, content, keys} of what `load` gives. */
export function detailsView(place, back, load, draw) {
  const title = h("h2", { class: "grow name" });
  const actions = h("div", { class: "actions" });
  const body = h("div");
  let keys = {};
  const again = (quiet = true) =>
    into(body, load, { quiet, draw: (found) => {
      const shown = draw(found, again);
      fill(title, shown.title);
      fill(actions, shown.actions);
      keys = shown.keys ?? {};
      return shown.content;
    } });
  fill(place, h("div", { class: "bar details" }, button("", back, { symbol: "back", kind: "quiet", title: "Back to the list" }), title, actions), body);
  again(false);
  return {
    again,
    key: ({ key }) => {
      if (key === "Escape") return back(), true;
      if (keys[key]) return keys[key](), true;
      return key === "r" && (again(), true);
    },
  };
}

/** The chosen workspace's name beside the search; asks for it once. */
export function workspaceHead(page) {
  const link = button("Workspace", () => page.go("workspaces"), { kind: "link", title: "Choose another workspace" });
  const known = (page.names ??= new Map());
  const show = (name) => fill(link, name);
  if (known.has(page.workspace)) show(known.get(page.workspace));
  else page.api.get(`/workspaces/${page.workspace}`).then(({ id, name }) => (known.set(id, name), show(name)), () => {});
  return link;
}

/** Where no workspace is chosen yet. */
export function chooseWorkspace(page, place) {
  fill(place, empty("Which workspace?", "Choose one first.", button("Workspaces", () => page.go("workspaces"), { kind: "primary" })));
  return {};
}
