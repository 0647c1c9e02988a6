// A set: its members, found by a pattern.

import { blobOf, shown } from "../bytes.js";
import { formDialog } from "../kit/dialog.js";
import { h } from "../kit/dom.js";
import { ByteField } from "../editor.js";
import { patternOf } from "../key_list.js";
import { button, field } from "../kit/parts.js";
import { finder } from "../kit/search.js";
import { settle } from "./hash.js";
import { editValue, PagedTable, removeElement, row, valueCell } from "./table.js";

export function setValue(key) {
  const search = finder("Find a member", () => table.reload());
  const table = new PagedTable(key, {
    heads: ["Member"],
    noun: "member",
    tools: [h("div", { class: "search plain" }, search), key.page.writable && button("Add a member", () => add(key, table), { symbol: "plus" })],
    fetchPage: async (next = "0") => {
      const page = await key.api.get("/key/set", { ...key.query, pattern: patternOf(search.value), cursor: next });
      return { rows: page.members.map((member) => memberRow(key, table, member)), next: page.cursor === "0" ? null : page.cursor, total: page.total };
    },
  });
}

function memberRow(key, table, member) {
  const name = shown(member);
  const input = { data: member.data, encoding: member.encoding };
  // A member is its own name: to change it is to put another in its place.
  const edit = async () => {
    const outcome = await editValue(key, { title: "Member", item: { value: member }, save: (bytes) => replace(key, input, bytes) });
    if (outcome?.length !== undefined) settle(key, table, outcome, "Saved.");
  };
  const remove = () =>
    removeElement(key, `Remove the member ${name.slice(0, 300)}?`, () => key.api.post("/key/set/members/remove", key.query, { members: [input] }), () => table.reload());
  return row(
    [valueCell(member)],
    [
      button("", edit, { symbol: "edit", kind: "quiet", title: `${key.page.writable ? "Edit" : "Show"} ${name.slice(0, 100)}` }),
      key.page.writable && button("", remove, { symbol: "trash", kind: "quiet danger", title: `Remove ${name.slice(0, 100)}` }),
    ],
  );
}

async function replace(key, old, bytes) {
  await key.api.post("/key/set/members", key.query, { members: [blobOf(bytes)] });
  return key.api.post("/key/set/members/remove", key.query, { members: [old] });
}

async function add(key, table) {
  const member = new ByteField(undefined, { label: "Member", rows: 4 });
  const change = await formDialog(key.page.root.firstChild, {
    title: "Add a member",
    accept: "Add",
    body: [field("Member", member.element)],
    submit: () => key.api.post("/key/set/members", key.query, { members: [blobOf(member.value())] }),
  });
  if (change) settle(key, table, change, change.changed ? "Added." : "It was a member already.");
}
