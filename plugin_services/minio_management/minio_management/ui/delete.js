// Deleting objects: chosen ones, or all below a prefix.

import { at } from "./api.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { count, plural, size } from "./kit/format.js";
import { field } from "./kit/parts.js";

const AT_ONCE = 500;

export async function deleteChosen(page, bucket, keys, gone) {
  if (!(await page.sure(`Delete ${plural(keys.length, "object")}? Without versions this cannot be undone.`, "Delete"))) return;
  try {
    for (let at_ = 0; at_ < keys.length; at_ += AT_ONCE) {
      const part = keys.slice(at_, at_ + AT_ONCE);
      await page.api.post(at(bucket, "/objects/delete"), {}, { objects: part.map((key) => ({ key })) });
      gone(part);
    }
    page.done(`Deleted ${plural(keys.length, "object")}.`);
  } catch (error) {
    page.failed(error);
  }
}

/** Counts while one looks, asks for the prefix, and deletes step by step; resolves with whether it did. */
export function deleteBelow(page, bucket, prefix) {
  const expected = prefix || bucket;
  const typed = h("input", { class: "input code", spellcheck: "false", autocapitalize: "off" });
  const versions = h("input", { type: "checkbox" });
  const counted = h("p", { class: "muted", role: "status" }, "Counting…");
  countBelow(page, bucket, prefix, counted);
  return formDialog(page.root.firstChild, {
    title: prefix ? `Delete all below ${prefix}` : `Delete everything in ${bucket}`,
    accept: "Delete them",
    danger: true,
    body: [
      counted,
      h("label", { class: "check" }, versions, "Also delete all older versions: nothing can be restored"),
      field(`Type ${expected} to confirm`, typed),
    ],
    submit: async () => {
      if (typed.value !== expected) throw new Error(`Type ${expected} to confirm.`);
      let deleted = 0;
      counted.current = null;
      for (;;) {
        const step = await page.api.post(at(bucket, "/objects/delete-below"), {}, { prefix, confirm: typed.value, versions: versions.checked });
        deleted += step.deleted;
        fill(counted, `Deleted ${count(deleted)} so far.`);
        if (!step.more || !counted.isConnected) break;
      }
      page.done(`Deleted ${plural(deleted, "object")}.`);
      return true;
    },
  });
}

async function countBelow(page, bucket, prefix, place) {
  const mark = (place.current = {});
  let objects = 0;
  let bytes = 0;
  let token = "";
  try {
    while (token !== null && place.current === mark) {
      const part = await page.api.get(at(bucket, "/objects/count"), { prefix, token });
      objects += part.objects;
      bytes += part.size;
      token = part.token;
      if (place.current !== mark) return;
      fill(place, `${plural(objects, "object")}, ${size(bytes)}${token === null ? "." : " and counting…"}`);
      if (!place.isConnected) return;
    }
  } catch (error) {
    if (place.current === mark) fill(place, `They could not be counted: ${error.message}`);
  }
}
