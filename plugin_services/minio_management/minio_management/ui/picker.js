// Choosing some of many names: searched on the server, what is chosen stays.

import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { into } from "./kit/parts.js";

const SHOWN = 100;

/** An element with `chosen`, a Set of names; `find(search, limit)` asks for names. */
export function picker(label, find, before = []) {
  const chosen = new Set(before);
  const list = h("div", { class: "choices", role: "group", "aria-label": label });
  const search = h("input", { class: "input", type: "search", placeholder: "Part of the name", "aria-label": `Search ${label.toLowerCase()}`, spellcheck: "false", autocapitalize: "off" });
  const load = () =>
    into(list, async () => {
      const { names, total } = await find(search.value.trim(), SHOWN);
      const shown = search.value.trim() ? names : [...new Set([...before, ...names])];
      if (!shown.length) return h("p", { class: "muted" }, "None.");
      return [shown.map(box), total > names.length && h("p", { class: "muted" }, `${names.length} of ${total}: search for others.`)];
    });
  const box = (name) => {
    const input = h("input", { type: "checkbox", checked: chosen.has(name) });
    input.addEventListener("change", () => (input.checked ? chosen.add(name) : chosen.delete(name)));
    return h("label", { class: "check" }, input, h("span", {}, name));
  };
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(load, 250);
  });
  // Enter in a search is not the dialog's.
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    load();
  });
  load();
  return { element: h("div", { class: "field" }, h("span", {}, label), search, list), chosen };
}

const finder = (path, field) => (page) => async (search, limit) => {
  const found = await page.api.get(path, { search, limit });
  return { names: found[field].map(({ name }) => name), total: found.total };
};

export const findPolicies = finder("/accounts/policies", "policies");
export const findUsers = finder("/accounts/users", "users");

export async function pickDialog(page, { title, label, find, before, save }) {
  const names = picker(label, find, before);
  const saved = await formDialog(page.root.firstChild, { title, accept: "Save", body: names.element, submit: () => save([...names.chosen]) });
  if (saved) page.done("Saved.");
  return saved;
}

/** Shows a secret key, this once. */
export function showSecret(page, { name, secretKey }, what) {
  const secret = h("input", { class: "input code", value: secretKey, readonly: true, "aria-label": "Secret key" });
  const note = h("p", { class: "muted", role: "status" }, "Copy it now: it is not shown again.");
  secret.addEventListener("copy", () => fill(note, "Copied. It is not shown again."));
  const shown = formDialog(page.root.firstChild, {
    title: what,
    accept: "I have it",
    cancel: false,
    body: [
      h("div", { class: "field" }, h("span", {}, "Access key"), h("span", { class: "code name" }, name)),
      h("label", { class: "field" }, h("span", {}, "Secret key"), secret),
      note,
    ],
    submit: () => true,
  });
  secret.select();
  return shown;
}
