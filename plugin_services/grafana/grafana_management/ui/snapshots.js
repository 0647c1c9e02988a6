// Snapshots: dashboards with the data of one moment.

import { deleteDialog, part, when } from "./common.js";
import { h } from "./kit/dom.js";
import { button, choice } from "./kit/parts.js";
import { List } from "./list.js";

const KEPT = { 3600: "an hour", 86400: "a day", 604800: "a week", 2592000: "30 days", 0: "ever" };
const FAR = 20 * 366 * 86_400_000;

export const expiry = () => choice(KEPT, "604800");

export function snapshotsView(page, place, params) {
  const address = (key) => `${page.connection.tls ? "https" : "http"}://${page.connection.address}/dashboard/snapshot/${key}`;
  const list = new List(page, place, {
    path: "/snapshots", field: "snapshots", one: "snapshot", hint: "Part of the snapshot's name", search: params.search,
    remember: (query) => page.go("snapshots", query, { quiet: true }),
    nothing: (search) => (search ? ["No snapshot matches", "Search for another part of the name."] : ["No snapshots", "Open a dashboard and press “Snapshot”."]),
    columns: {
      Name: (one) => [h("span", { class: "strong" }, one.name || "(no name)"), one.external && h("span", { class: "badge" }, "on another server")],
      Made: (one) => when(one.created),
      Until: (one) => (Date.parse(one.expires) - Date.now() > FAR ? "for ever" : when(one.expires)),
      Link: (one) => h("code", {}, address(one.key)),
      Do: (one) => page.writable && button("Delete…", () => remove(page, one, () => list.load()), { kind: "link", title: `Delete ${one.name}`, about: `${one.name}, ${one.key.slice(0, 6)}` }),
    },
  });
  return list;
}

function remove(page, { key, name }, then) {
  return deleteDialog(page, { what: name, name, words: "Its link leads nowhere from then on. This cannot be undone.", path: `/snapshots/${part(key)}`, then });
}
