// Dialogs of this page: the browser's own <dialog> keeps the focus and knows Escape.

import { fill, h } from "./dom.js";
import { button, failure } from "./parts.js";

/**
 * Opens the dialog; `left` is called once it is closed, whichever way. Returns how to close it.
 * The browser tells of the end a moment after Escape: keys pressed in between would go nowhere.
 */
export function openDialog(root, dialog, left) {
  const leave = () => {
    if (!dialog.isConnected) return;
    dialog.close();
    dialog.remove();
    left();
  };
  // A choice of a file that is given up is a "cancel" as well.
  dialog.addEventListener("cancel", ({ target }) => target === dialog && leave());
  dialog.addEventListener("close", leave);
  root.append(dialog);
  dialog.showModal();
  return leave;
}

/**
 * Shows a form; `submit` may throw, which is shown and keeps the dialog open.
 * Without `cancel` there is no button for it: nothing is left to be taken back.
 * Resolves with what submit returned, or undefined where it was left.
 */
export function formDialog(root, { title, body, accept, danger = false, submit, wide = false, cancel = true }) {
  return new Promise((resolve) => {
    const problem = h("div");
    const go = h("button", { type: "submit", class: `button primary ${danger ? "danger" : ""}` }, accept);
    const form = h(
      "form",
      { novalidate: true },
      h("h2", {}, title),
      h("div", { class: "dialog-body" }, body),
      problem,
      h("footer", { class: "actions end" }, cancel && button("Cancel", () => leave()), go),
    );
    const dialog = h("dialog", { class: wide ? "wide" : "", "aria-label": title }, form);
    let outcome;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      go.disabled = true;
      fill(problem);
      try {
        outcome = (await submit()) ?? true;
        leave();
      } catch (error) {
        fill(problem, failure(error));
      } finally {
        go.disabled = false;
      }
    });
    // Ctrl+Enter also out of a text of many lines.
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
      event.stopPropagation();
    });
    const leave = openDialog(root, dialog, () => resolve(outcome));
    dialog.querySelector("input:not([type=checkbox]), textarea, select")?.focus();
  });
}
