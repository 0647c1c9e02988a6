// Data sources, and whether they answer when Grafana asks them.

import { deleteDialog, part } from "./common.js";
import { fill, h } from "./kit/dom.js";
import { button } from "./kit/parts.js";
import { List } from "./list.js";

export function sourcesView(page, place, params) {
  let shown = [];
  const all = button("Check all", () => shown.forEach((one) => one.check()), { title: "Have Grafana ask each of them" });
  const list = new List(page, place, {
    path: "/data-sources", field: "dataSources", one: "data source", hint: "Part of the name, kind or address", search: params.search,
    tools: all,
    remember: (query) => page.go("sources", query, { quiet: true }),
    loaded: () => (shown = []),
    nothing: (search) => (search ? ["No data source matches", "Search for another part of the name."] : ["No data sources", "They are added in Grafana."]),
    columns: {
      Name: (one) => [h("span", { class: "strong" }, one.name), one.default && h("span", { class: "badge" }, "default"), one.provisioned && h("span", { class: "badge" }, "from a file")],
      Kind: (one) => one.type,
      Address: (one) => h("span", { class: "code" }, one.url || "–"),
      Health: (one) => health(page, one, shown),
      Do: (one) => page.writable && !one.provisioned && button("Delete…", () => remove(page, one, () => list.load()), { kind: "link", title: `Delete ${one.name}`, about: one.name }),
    },
  });
  return list;
}

function health(page, { uid, name }, shown) {
  const place = h("span", { role: "status" });
  const check = async () => {
    fill(place, h("span", { class: "muted" }, "asking…"));
    try {
      const { ok, message } = await page.api.get(`/data-sources/${part(uid)}/health`);
      const words = ok === null ? "not told" : ok ? "answers" : "does not answer";
      fill(place, h("span", { class: `badge ${ok === false ? "bad" : ok ? "good" : ""}` }, words), h("small", { class: "muted block" }, ok ? "" : message));
    } catch (error) {
      fill(place, h("span", { class: "badge bad" }, "not known"), h("small", { class: "muted block" }, error.message));
    }
  };
  shown.push({ check });
  return [button("Check", check, { kind: "link", title: `Check ${name}`, about: name }), " ", place];
}

function remove(page, { uid, name }, then) {
  return deleteDialog(page, { what: name, name, words: "Panels and rules that ask it show errors from then on. This cannot be undone.", path: `/data-sources/${part(uid)}`, then });
}
