// A form for a new key of any type.

import { blobOf, textBlob } from "./bytes.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { ByteField } from "./editor.js";
import { TYPES } from "./format.js";
import { PairsField } from "./pairs.js";
import { choice, field } from "./kit/parts.js";
import { scoreOf } from "./values/sorted_set.js";

/** Asks for a key and makes it; resolves with its details. */
export function newKey(page) {
  const name = h("input", { class: "input code", spellcheck: "false", autocapitalize: "off" });
  const life = h("input", { class: "input", type: "number", min: 1, placeholder: "never" });
  const place = h("div");
  let content = CONTENTS.string();
  const type = choice(TYPES, "string", (chosen) => {
    content = CONTENTS[chosen]();
    fill(place, content.element);
  });
  fill(place, content.element);
  return formDialog(page.root.firstChild, {
    title: "New key",
    accept: "Make the key",
    body: [field("Name", name), h("div", { class: "pair" }, field("Type", type), field("Expires in seconds", life)), place],
    submit: () => {
      if (!name.value) throw new Error("Give the key a name.");
      const ttlMs = life.value ? Math.round(Number(life.value) * 1000) : undefined;
      return page.api.post("/keys", {}, { type: type.value, name: textBlob(name.value), ttlMs, ...content.value() });
    },
  });
}

const lines = (area) => area.value.split("\n").filter((line) => line !== "");

function linesContent(label, note, value) {
  const area = h("textarea", { class: "input code", rows: 6, spellcheck: "false" });
  return { element: field(label, area, note), value: () => value(lines(area)) };
}

const CONTENTS = {
  string() {
    const value = new ByteField();
    return { element: field("Value", value.element), value: () => ({ value: blobOf(value.value()) }) };
  },
  hash: pairsContent,
  stream: pairsContent,
  list: () => linesContent("Elements", "One a line, from head to tail.", (values) => ({ values: values.map(textBlob) })),
  set: () => linesContent("Members", "One a line.", (members) => ({ members: members.map(textBlob) })),
  zset: () =>
    linesContent("Members", "One a line: the score, a space, the member.", (members) => ({
      members: members.map((line) => {
        const [, score, member] = /^(\S+)\s(.*)$/.exec(line) ?? [];
        if (member === undefined) throw new Error(`"${line}" needs a score, a space and a member.`);
        return { member: textBlob(member), score: scoreOf(score) };
      }),
    })),
};

function pairsContent() {
  const pairs = new PairsField();
  return { element: pairs.element, value: () => ({ fields: pairs.value() }) };
}
