// Dialogs of this page: the browser's own <dialog> keeps the focus and knows Escape.

import { fill, h } from "./dom.js";
import { button, failure } from "./parts.js";

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
      h("footer", { class: "actions end" }, cancel && button("Cancel", () => dialog.close()), go),
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
        dialog.close();
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
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(outcome);
    });
    root.append(dialog);
    dialog.showModal();
    dialog.querySelector("input:not([type=checkbox]), textarea, select")?.focus();
  });
}
