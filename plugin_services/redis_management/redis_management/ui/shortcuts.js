// Keys of the keyboard. None of them acts while somebody types or a dialog is open.

import { h } from "./dom.js";
import { formDialog } from "./dialog.js";
import { VIEWS } from "./route.js";

const HELP = [
  ["1 – 4", "overview, keys, slow log, clients"],
  ["/", "search"],
  ["j k or ↓ ↑", "next, previous key in the list"],
  ["Enter", "open the key"],
  ["Space", "select the key"],
  ["Esc", "close the key"],
  ["n", "new key"],
  ["r", "load again"],
  ["Del", "delete the open key"],
  ["Ctrl Enter", "save"],
  ["?", "this list"],
];

/** Starts listening; returns how to stop. */
export function shortcuts(page) {
  const onkey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select");
    if (typing && event.key === "Escape") typing.blur();
    if (typing || !page.connection) return;
    const number = Number(event.key);
    const views = Object.keys(VIEWS);
    if (number >= 1 && number <= views.length) page.go(views[number - 1]);
    else if (event.key === "?") help(page);
    else if (!page.view?.key?.(event)) return;
    event.preventDefault();
  };
  document.addEventListener("keydown", onkey);
  return () => document.removeEventListener("keydown", onkey);
}

function help(page) {
  const rows = HELP.map(([key, words]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, words)));
  formDialog(page.root.firstChild, { title: "Keyboard", body: h("dl", { class: "keys-help" }, rows), accept: "Close", submit: () => true });
}
