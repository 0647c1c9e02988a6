// Delete by pattern: count first, agree to the count, then delete step by step and never more than agreed.

import { shown } from "./bytes.js";
import { formDialog, openDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { count, plural } from "./kit/format.js";
import { button, failure, field } from "./kit/parts.js";

/** Resolves with true where something was deleted. */
export async function deleteMatching(page, pattern, type) {
  const found = await counting(page, pattern, type);
  if (!found) return false;
  if (!found.matched) {
    page.host.notify("No key matches.", { kind: "info" });
    return false;
  }
  const typed = h("input", { class: "input code", inputmode: "numeric", autocomplete: "off" });
  const status = h("p", { class: "muted", role: "status" });
  const outcome = await formDialog(page.root.firstChild, {
    title: `Delete ${plural(found.matched, "key")}`,
    accept: "Delete them",
    danger: true,
    body: [
      h("p", {}, "Every key that matches ", h("code", {}, pattern), type ? ` and is a ${type}` : "", " is deleted. This cannot be undone."),
      h("ul", { class: "sample code" }, found.sample.map((name) => h("li", {}, shown(name))), found.matched > found.sample.length && h("li", { class: "muted" }, `and ${count(found.matched - found.sample.length)} more`)),
      field(`Type ${found.matched} to confirm`, typed),
      status,
    ],
    submit: () => {
      if (typed.value.replace(/\D/g, "") !== String(found.matched)) throw new Error(`Type the number ${found.matched}.`);
      return removing(page, { pattern, type }, found.matched, (words) => (status.textContent = words));
    },
  });
  if (!outcome) return false;
  page.done(outcome.more ? `Deleted ${plural(outcome.deleted, "key")}; more have come meanwhile and were kept.` : `Deleted ${plural(outcome.deleted, "key")}.`);
  return true;
}

async function removing(page, what, agreed, tell) {
  let cursor = "0";
  let deleted = 0;
  do {
    const body = { ...what, confirm: what.pattern, cursor, atMost: agreed - deleted };
    const step = await page.api.post("/keys/delete-matching", {}, body);
    deleted += step.deleted;
    cursor = step.cursor;
    tell(`Deleted ${count(deleted)} of ${count(agreed)}…`);
    if (step.moreThanAgreed) return { deleted, more: true };
  } while (cursor !== "0" && deleted < agreed);
  return { deleted, more: false };
}

/** Counts in a dialog that can be left; resolves with {matched, sample}, or null where it was. */
function counting(page, pattern, type) {
  return new Promise((resolve) => {
    const words = h("p", { role: "status" }, "Counting…");
    const place = h("div", {}, words);
    const dialog = h("dialog", { "aria-label": "Counting" }, h("h2", {}, "Counting what matches"), place, h("footer", { class: "actions end" }, button("Stop", () => leave())));
    let result = null;
    const leave = openDialog(page.root.firstChild, dialog, () => resolve(result));
    countAll(page, pattern, type, dialog, (text) => (words.textContent = text))
      .then((found) => {
        result = found;
        leave();
      })
      .catch((error) => fill(place, failure(error)));
  });
}

async function countAll(page, pattern, type, dialog, tell) {
  const found = { matched: 0, sample: [] };
  let cursor = "0";
  let lookedAt = 0;
  do {
    const step = await page.api.get("/keys/count", { pattern, type, cursor });
    found.matched += step.matched;
    found.sample = found.sample.concat(step.sample).slice(0, 10);
    lookedAt += step.lookedAt;
    cursor = step.cursor;
    tell(`${count(found.matched)} match; looked at ${count(lookedAt)}…`);
  } while (cursor !== "0" && dialog.open);
  return cursor === "0" ? found : null;
}

