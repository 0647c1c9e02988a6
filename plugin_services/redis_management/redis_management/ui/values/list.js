// A list: its elements by index.

import { blobOf } from "../bytes.js";
import { formDialog } from "../kit/dialog.js";
import { h } from "../kit/dom.js";
import { ByteField } from "../editor.js";
import { count } from "../kit/format.js";
import { button, choice, field } from "../kit/parts.js";
import { settle } from "./hash.js";
import { editValue, PagedTable, removeElement, row, valueCell } from "./table.js";

export function listValue(key) {
  const from = h("input", { class: "input number", type: "number", min: 0, placeholder: "0", "aria-label": "From index" });
  from.addEventListener("change", () => table.reload());
  const table = new PagedTable(key, {
    heads: ["Index", "Value"],
    noun: "element",
    tools: [h("label", { class: "inline" }, "From index", from), h("span", { class: "grow" }), key.page.writable && button("Add an element", () => push(key, table), { symbol: "plus" })],
    fetchPage: async (next = Number(from.value) || 0) => {
      const page = await key.api.get("/key/list", { ...key.query, offset: next });
      return { rows: page.items.map((item) => itemRow(key, table, item)), next: page.nextOffset, total: page.total };
    },
  });
}

function itemRow(key, table, item) {
  const query = { ...key.query, index: item.index };
  const edit = async () => {
    const outcome = await editValue(key, {
      title: `Element ${count(item.index)}`,
      item,
      whole: (limit) => key.api.get("/key/list/item", { ...query, limit }),
      save: (bytes, ifTag) => key.api.put("/key/list/item", query, { value: blobOf(bytes), ifTag }),
    });
    if (outcome?.length !== undefined) settle(key, table, outcome, "Saved.");
  };
  const remove = () =>
    removeElement(key, `Delete element ${count(item.index)}?`, () => key.api.remove("/key/list/item", { ...query, ifTag: item.tag }), () => table.reload());
  return row(
    [h("td", { class: "number muted" }, count(item.index)), valueCell(item.value)],
    [
      button("", edit, { symbol: "edit", kind: "quiet", title: `${key.page.writable ? "Edit" : "Show"} element ${item.index}` }),
      key.page.writable && button("", remove, { symbol: "trash", kind: "quiet danger", title: `Delete element ${item.index}` }),
    ],
  );
}

async function push(key, table) {
  const value = new ByteField(undefined, { rows: 8 });
  const end = choice({ tail: "At the tail (RPUSH)", head: "At the head (LPUSH)" }, "tail");
  const change = await formDialog(key.page.root.firstChild, {
    title: "Add an element",
    accept: "Add",
    body: [field("Value", value.element), field("Where", end)],
    submit: () => key.api.post("/key/list/items", key.query, { values: [blobOf(value.value())], end: end.value }),
  });
  if (change) settle(key, table, change, "Added.");
}
