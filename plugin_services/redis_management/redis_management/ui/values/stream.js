// A stream: its entries, and the groups that read it.

import { shown } from "../bytes.js";
import { formDialog } from "../kit/dialog.js";
import { fill, h } from "../kit/dom.js";
import { count } from "../kit/format.js";
import { PairsField } from "../pairs.js";
import { button, choice, into } from "../kit/parts.js";
import { settle } from "./hash.js";
import { PagedTable, removeElement, row } from "./table.js";

export function streamValue(key) {
  const order = choice({ newest: "Newest first", oldest: "Oldest first" }, "newest", () => table.reload());
  order.setAttribute("aria-label", "Order");
  const entries = h("div");
  const groups = h("details", { class: "groups" }, h("summary", {}, "Consumer groups"), h("div"));
  groups.addEventListener("toggle", () => groups.open && into(groups.lastChild, async () => groupTable(await key.api.get("/key/stream/groups", key.query))));
  const { place } = key;
  fill(place, groups, entries);
  const table = new PagedTable(
    { ...key, place: entries },
    {
      heads: ["Entry", "Fields"],
      noun: "entry",
      nouns: "entries",
      tools: [order, h("span", { class: "grow" }), key.page.writable && button("Add an entry", () => add(key, table), { symbol: "plus" })],
      fetchPage: async (next) => {
        const page = await key.api.get("/key/stream", { ...key.query, order: order.value, after: next });
        return { rows: page.entries.map((entry) => entryRow(key, table, entry)), next: page.nextAfter, total: page.total };
      },
    },
  );
}

function entryRow(key, table, entry) {
  const at = new Date(Number(entry.id.split("-")[0]));
  // Ids are usually the time in milliseconds, but need not be.
  const time = at.getFullYear() > 2000 && at.getFullYear() < 2200 ? at.toLocaleString() : "";
  const pairs = entry.fields.map(({ field, value }) => h("div", { class: "stream-pair" }, h("span", { class: "muted" }, shown(field)), h("span", {}, shown(value).slice(0, 400))));
  const show = async () => {
    try {
      const whole = await key.api.get("/key/stream/entry", { ...key.query, id: entry.id });
      const body = whole.fields.map(({ field, value }) => h("label", { class: "field" }, h("span", {}, shown(field)), h("pre", { class: "code" }, shown(value))));
      await formDialog(key.page.root.firstChild, { title: entry.id, wide: true, accept: "Close", body, submit: () => true });
    } catch (error) {
      key.page.failed(error);
    }
  };
  const remove = () => removeElement(key, `Delete the entry ${entry.id}?`, () => key.api.remove("/key/stream/entry", { ...key.query, id: entry.id }), () => table.reload());
  return row(
    [h("td", {}, h("span", { class: "code" }, entry.id), time && h("div", { class: "muted" }, time)), h("td", { class: "code value" }, pairs)],
    [
      button("", show, { symbol: "search", kind: "quiet", title: `Show ${entry.id}` }),
      key.page.writable && button("", remove, { symbol: "trash", kind: "quiet danger", title: `Delete ${entry.id}` }),
    ],
  );
}

function groupTable(groups) {
  if (!groups.length) return h("p", { class: "muted" }, "No group reads this stream.");
  const rows = groups.map((group) =>
    h("tr", {}, h("td", { class: "code" }, shown(group.name)), h("td", {}, count(group.consumers)), h("td", {}, count(group.pending)), h("td", {}, count(group.lag)), h("td", { class: "code" }, group.lastDeliveredId)));
  const heads = ["Group", "Consumers", "Pending", "Lag", "Last delivered"];
  return h("div", { class: "scroll" }, h("table", { class: "plain" }, h("thead", {}, h("tr", {}, heads.map((head) => h("th", {}, head)))), h("tbody", {}, rows)));
}

async function add(key, table) {
  const pairs = new PairsField();
  const change = await formDialog(key.page.root.firstChild, {
    title: "Add an entry",
    accept: "Add",
    body: pairs.element,
    submit: () => key.api.post("/key/stream/entries", key.query, { fields: pairs.value() }),
  });
  if (change) settle(key, table, change, `Added ${change.id}.`);
}
