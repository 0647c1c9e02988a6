// What several views do the same way: change something and say so, and delete once the name is typed.

import { formDialog } from "./kit/dialog.js";
import { h } from "./kit/dom.js";
import { button, field } from "./kit/parts.js";

export const part = (text) => encodeURIComponent(text);

export const when = (text) => (text && !text.startsWith("0001") ? new Date(text).toLocaleString() : "–");

export const badges = (names) => (names.length ? names.map((name) => h("span", { class: "badge tag" }, name)) : h("span", { class: "muted" }, "none"));

export const textInput = (value = "", more = {}) => h("input", { class: "input", value, spellcheck: "false", autocapitalize: "off", autocomplete: "off", ...more });

export const root = (page) => page.root.firstChild;

/** Asks first where there are `words`; says what went wrong, or that it is done, and goes on. */
export async function act(page, { words, accept, work, done, then }) {
  if (words && !(await page.sure(words, accept))) return;
  try {
    await work();
  } catch (error) {
    page.failed(error);
    return;
  }
  page.done(done);
  then?.();
}

/** A form that is saved; resolves with what `submit` gave. */
export async function saveDialog(page, options, then) {
  const saved = await formDialog(root(page), { accept: "Save", ...options });
  if (!saved) return undefined;
  page.done(options.done ?? "Saved.");
  then?.(saved);
  return saved;
}

/** Asks for the name; `more` elements may stand above it, `query` gives what else to send. */
export function deleteDialog(page, { what, name, words, path, query = () => ({}), more, then }) {
  const typed = textInput("", { class: "input code" });
  return saveDialog(
    page,
    {
      title: `Delete ${what}`,
      accept: "Delete",
      danger: true,
      done: `Deleted ${name}.`,
      body: [h("p", {}, words), more, field(`Type ${name} to confirm`, typed)],
      submit: () => {
        if (typed.value !== name) throw new Error(`Type ${name} to confirm.`);
        return page.api.remove(path, { ...query(), confirm: typed.value });
      },
    },
    then,
  );
}

/** A choice between the parts of one view. */
export function partChoice(page, view, parts, chosen) {
  return h(
    "div",
    { class: "bar" },
    h(
      "div",
      { class: "segments parts", role: "group", "aria-label": "What to see" },
      Object.entries(parts).map(([key, { label }]) =>
        h("button", { type: "button", "aria-pressed": String(key === chosen), onclick: () => page.go(view, { part: key }) }, label)),
    ),
  );
}

/** The line above one thing: back, its name, what can be done. */
export function titleBar(back, title, ...actions) {
  return h(
    "div",
    { class: "bar details" },
    button("", back, { symbol: "back", kind: "quiet", title: "Back to the list" }),
    h("h2", { class: "grow name" }, title),
    h("div", { class: "actions" }, actions),
  );
}
