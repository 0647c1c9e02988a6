// A hash: its fields, found by a pattern.

import { blobOf, shown } from "../bytes.js";
import { formDialog } from "../kit/dialog.js";
import { h } from "../kit/dom.js";
import { ByteField } from "../editor.js";
import { button, field } from "../kit/parts.js";
import { finder } from "../kit/search.js";
import { patternOf } from "../key_list.js";
import { editValue, PagedTable, removeElement, row, valueCell } from "./table.js";

export function hashValue(key) {
  const search = finder("Find a field", () => table.reload());
  const add = () => addField(key, table);
  const table = new PagedTable(key, {
    heads: ["Field", "Value"],
    noun: "field",
    tools: [h("div", { class: "search plain" }, search), key.page.writable && button("Add a field", add, { symbol: "plus" })],
    fetchPage: async (next = "0") => {
      const page = await key.api.get("/key/hash", { ...key.query, pattern: patternOf(search.value), cursor: next });
      return { rows: page.fields.map((item) => fieldRow(key, table, item)), next: page.cursor === "0" ? null : page.cursor, total: page.total };
    },
  });
}

function fieldRow(key, table, item) {
  const name = shown(item.field);
  const label = key.page.writable ? "Edit" : "Show";
  const input = { data: item.field.data, encoding: item.field.encoding };
  const edit = async () => {
    const outcome = await editValue(key, {
      title: name,
      item,
      whole: (limit) => key.api.get("/key/hash/field", { ...key.query, field: input.data, fieldEncoding: input.encoding, limit }),
      save: (bytes, ifTag) => key.api.put("/key/hash/field", key.query, { field: input, value: blobOf(bytes), ifTag }),
    });
    if (outcome?.length !== undefined) settle(key, table, outcome, "Saved.");
  };
  const remove = () =>
    removeElement(key, `Delete the field ${name.slice(0, 300)}?`, () => key.api.post("/key/hash/fields/remove", key.query, { fields: [input] }), () => table.reload());
  return row(
    [h("td", { class: "code name" }, name), valueCell(item.value)],
    [
      button("", edit, { symbol: "edit", kind: "quiet", title: `${label} ${name}` }),
      key.page.writable && button("", remove, { symbol: "trash", kind: "quiet danger", title: `Delete ${name}` }),
    ],
  );
}

export async function settle(key, table, change, words) {
  key.page.done(words);
  table.reload();
  await key.changed(change);
}

async function addField(key, table) {
  const name = new ByteField(undefined, { label: "Field", rows: 1 });
  const value = new ByteField(undefined, { rows: 8 });
  const change = await formDialog(key.page.root.firstChild, {
    title: "Add a field",
    accept: "Add",
    body: [field("Field", name.element), field("Value", value.element)],
    submit: () => key.api.put("/key/hash/field", key.query, { field: blobOf(name.value()), value: blobOf(value.value()), onlyNew: true }),
  });
  if (change) settle(key, table, change, "Added.");
}

