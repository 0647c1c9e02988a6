import { h } from "../dom.js";
import { empty } from "../ui.js";

export function create() {
  const back = h("a.button", { href: "/" }, "All plugins");
  return {
    node: h("div.page", h("h1.visually-hidden", "No such page"), empty("search", "No such page", "The address leads nowhere.", [back])),
    title: () => "No such page",
  };
}
