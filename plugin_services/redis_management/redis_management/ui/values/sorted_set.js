// A sorted set: by score, or found by a pattern.

import { blobOf, bytesOf, shown } from "../bytes.js";
import { formDialog } from "../kit/dialog.js";
import { h } from "../kit/dom.js";
import { ByteField } from "../editor.js";
import { patternOf } from "../key_list.js";
import { button, choice, field } from "../kit/parts.js";
import { finder } from "../kit/search.js";
import { settle } from "./hash.js";
import { PagedTable, removeElement, row, valueCell } from "./table.js";

export function sortedSetValue(key) {
  const search = finder("Find a member", () => table.reload());
  const order = choice({ descending: "Highest first", ascending: "Lowest first" }, "descending", () => table.reload());
  order.setAttribute("aria-label", "Order");
  const rows = (members) => members.map((one) => memberRow(key, table, one));
  const table = new PagedTable(key, {
    heads: ["Score", "Member"],
    noun: "member",
    tools: [h("div", { class: "search plain" }, search), order, key.page.writable && button("Add a member", () => put(key, table), { symbol: "plus" })],
    fetchPage: async (next) => {
      if (search.value) {
        const page = await key.api.get("/key/sorted-set/matches", { ...key.query, pattern: patternOf(search.value), cursor: next ?? "0" });
        return { rows: rows(page.members), next: page.cursor === "0" ? null : page.cursor, total: page.total };
      }
      const page = await key.api.get("/key/sorted-set", { ...key.query, order: order.value, offset: next ?? 0 });
      return { rows: rows(page.members), next: page.nextOffset, total: page.total };
    },
  });
}

function memberRow(key, table, { member, score }) {
  const name = shown(member);
  const input = { data: member.data, encoding: member.encoding };
  const remove = () =>
    removeElement(key, `Remove the member ${name.slice(0, 300)}?`, () => key.api.post("/key/sorted-set/members/remove", key.query, { members: [input] }), () => table.reload());
  return row(
    [h("td", { class: "number code" }, score), valueCell(member)],
    key.page.writable && [
      button("", () => put(key, table, member, score), { symbol: "edit", kind: "quiet", title: `Edit the score of ${name.slice(0, 100)}` }),
      button("", remove, { symbol: "trash", kind: "quiet danger", title: `Remove ${name.slice(0, 100)}` }),
    ],
  );
}

/** A number as JSON has it, or one of Redis' two infinities. */
export function scoreOf(text) {
  const words = text.trim().toLowerCase();
  if (/^[+-]?inf(inity)?$/.test(words)) return words.startsWith("-") ? "-inf" : "inf";
  const number = Number(words);
  if (words === "" || !Number.isFinite(number)) throw new Error("The score must be a number, inf or -inf.");
  return number;
}

async function put(key, table, member = null, score = "0") {
  const name = new ByteField(member ? bytesOf(member) : undefined, { label: "Member", rows: 3, readOnly: member !== null });
  const number = h("input", { class: "input code", value: score, inputmode: "decimal" });
  const change = await formDialog(key.page.root.firstChild, {
    title: member ? "Change the score" : "Add a member",
    accept: member ? "Save" : "Add",
    body: [field("Score", number), field("Member", name.element)],
    submit: () => key.api.put("/key/sorted-set/members", key.query, { members: [{ member: blobOf(name.value()), score: scoreOf(number.value) }] }),
  });
  if (change) settle(key, table, change, "Saved.");
}
