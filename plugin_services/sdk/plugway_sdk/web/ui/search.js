// The search above a list.

import { h, icon } from "./dom.js";

export function searchInput(hint, { value = "", label = hint } = {}) {
  return h("input", { class: "input", type: "search", placeholder: hint, value, "aria-label": label, spellcheck: "false", autocapitalize: "off" });
}

/** One look for what the browser says in several ways: Enter is a search, a change and a submission at once. */
function together(element, look) {
  let soon;
  return () => {
    clearTimeout(soon);
    soon = setTimeout(() => element.isConnected && look());
  };
}

/** A search by itself: `look` is called for Enter, for its cross, and when one leaves it changed. */
export function finder(hint, look) {
  const input = searchInput(hint);
  let sought = "";
  const once = together(input, () => {
    sought = input.value;
    look();
  });
  input.addEventListener("search", once);
  input.addEventListener("change", () => input.value !== sought && once());
  return input;
}

/** A form of the search and `tools`; `look` is called for Enter, and when the search is emptied by its cross. */
export function searchForm(input, look, { kind = "bar", before } = {}, ...tools) {
  const once = together(input, look);
  const form = h("form", { class: kind }, before, h("div", { class: "search" }, icon("search"), input), tools);
  input.addEventListener("search", once);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    once();
  });
  return form;
}
