// Toasts, dialogs, menus, and the small parts that several pages show.

import { button, h, icon } from "./dom.js";
import { STATES } from "./format.js";

const toasts = h("div.toasts", { role: "status", "aria-live": "polite" });
export { toasts };

/** Says something at the edge of the screen. Errors stay until they are closed. */
export function toast(words, kind = "info") {
  const node = h("div.toast", { data: { kind } }, h("p", words));
  node.append(button("Close", { symbol: "close", only: true, kind: "quiet", onclick: () => node.remove() }));
  toasts.append(node);
  while (toasts.children.length > 5) toasts.firstChild.remove();
  if (kind !== "error") setTimeout(() => node.remove(), 5000);
}

/** An error as a toast, with what to do about it. */
export function complain(error) {
  if (error?.name === "AbortError") return;
  toast([error.message, error.hint].filter(Boolean).join(" "), "error");
}

/** Asks before something happens; resolves to false, or to the values of the extra fields. */
export function ask({ title, text, accept = "OK", danger = false, extra = [], wide = false }) {
  return new Promise((resolve) => {
    const kind = danger ? "danger primary" : "primary";
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "ask-title" }, title),
      text && h("p", text),
      extra,
      h("div.actions", button("Cancel", { onclick: () => dialog.close() }), button(accept, { kind, type: "submit" })),
    );
    const dialog = h(wide ? "dialog.wide" : "dialog", { "aria-labelledby": "ask-title" }, form);
    let answer = false;
    form.addEventListener("submit", () => (answer = Object.fromEntries(new FormData(form))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    // Where something would be lost, Enter alone does not do it.
    if (danger) form.querySelector("button").focus();
  });
}

/** A button that opens a menu of buttons and links; `items()` is asked at each opening. */
export function menu(label, items, { symbol = "more" } = {}) {
  const holder = h("div.menu-holder");
  const opener = button(label, { symbol, only: true, kind: "quiet", "aria-haspopup": "menu", "aria-expanded": "false" });
  let list = null;
  const close = (focus) => {
    list?.remove();
    list = null;
    opener.setAttribute("aria-expanded", "false");
    removeEventListener("pointerdown", outside, true);
    if (focus) opener.focus();
  };
  const outside = (event) => holder.contains(event.target) || close();
  const keys = (event) => {
    const all = [...list.querySelectorAll("[role=menuitem]")];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      all.at(to % all.length)?.focus();
    } else if (event.key === "Escape") close(true);
    else if (event.key === "Tab") close();
  };
  opener.addEventListener("click", () => {
    if (list) return close(true);
    list = h("div.menu", { role: "menu", "aria-label": label, onkeydown: keys, onclick: () => close(true) }, items());
    for (const item of list.querySelectorAll("a, button")) {
      item.setAttribute("role", "menuitem");
      item.tabIndex = -1;
    }
    holder.append(list);
    opener.setAttribute("aria-expanded", "true");
    addEventListener("pointerdown", outside, true);
    list.querySelector("[role=menuitem]")?.focus();
  });
  holder.append(opener);
  return holder;
}

export function stateBadge(state) {
  const { symbol, words } = STATES[state] ?? { symbol: "dash", words: state };
  return h("span.state", { data: { state } }, icon(symbol), words);
}

export function callout(tone, symbol, title, text, actions = []) {
  const body = h("div.text", h("h2", title), text && h("p", text), actions.length > 0 && h("div.actions", actions));
  return h("div.callout", { data: { tone }, role: tone === "danger" ? "alert" : "status" }, icon(symbol), body);
}

export function empty(symbol, title, text, actions = []) {
  return h("div.empty", icon(symbol), h("h2", title), h("p", text), actions.length > 0 && h("div.actions", actions));
}

/** Grey bars in place of what is being loaded. */
export function bones(count, label = "Loading") {
  const bars = Array.from({ length: count }, (_, at) => h("div.bone", { data: { at } }));
  return h("div.stack", { "aria-busy": "true", "aria-label": label, role: "status" }, bars);
}

/** Disables a button while its work runs. */
export async function busy(node, work) {
  node.disabled = true;
  try {
    return await work();
  } catch (error) {
    complain(error);
    return undefined;
  } finally {
    node.disabled = false;
  }
}
