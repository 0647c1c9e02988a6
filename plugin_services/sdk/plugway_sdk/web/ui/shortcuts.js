// Keys of the keyboard. None of them acts while somebody types or a dialog is open.

import { formDialog } from "./dialog.js";
import { h } from "./dom.js";

/** Starts listening; returns how to stop. `help` lists the keys of the page's views: [key, what it does]. */
export function shortcuts(page, help) {
  const views = page.views;
  const onkey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select");
    if (typing && event.key === "Escape") typing.blur();
    if (typing || !page.connection) return;
    const number = Number(event.key);
    if (number >= 1 && number <= views.length) page.go(views[number - 1]);
    else if (event.key === "?") showHelp(page, help);
    else if (!page.view?.key?.(event)) return;
    event.preventDefault();
  };
  document.addEventListener("keydown", onkey);
  return () => document.removeEventListener("keydown", onkey);
}

function showHelp(page, help) {
  const first = [`1 – ${page.views.length}`, Object.values(page.labels).join(", ").toLowerCase()];
  const rows = [first, ...help, ["Ctrl Enter", "save"], ["?", "this list"]];
  const list = rows.map(([key, words]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, words)));
  formDialog(page.root.firstChild, { title: "Keyboard", body: h("dl", { class: "keys-help" }, list), accept: "Close", submit: () => true });
}
