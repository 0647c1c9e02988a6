// The search above a list.

import { h, icon } from "./dom.js";

export function searchInput(hint, { value = "", label = hint } = {}) {
  return h("input", { class: "input", type: "search", placeholder: hint, value, "aria-label": label, spellcheck: "false", autocapitalize: "off" });
}

/** A form of the search and `tools`; `look` is called for Enter, and when the search is emptied by its cross. */
export function searchForm(input, look, { kind = "bar", before } = {}, ...tools) {
  let soon;
  // Enter is a search and a submission in some browsers: one look for both.
  const once = () => {
    clearTimeout(soon);
    soon = setTimeout(() => form.isConnected && look());
  };
  const form = h("form", { class: kind }, before, h("div", { class: "search" }, icon("search"), input), tools);
  input.addEventListener("search", once);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    once();
  });
  return form;
}
