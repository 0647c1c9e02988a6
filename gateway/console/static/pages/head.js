// The head that all pages of one plugin share: name, state, tabs.

import { menuItems } from "../actions.js";
import { h } from "../dom.js";
import { store } from "../store.js";
import { bones, empty, menu, stateBadge } from "../ui.js";

const TABS = [
  ["overview", "Overview", ""],
  ["open", "Open", "/open"],
  ["figures", "Figures", "/figures"],
  ["trust", "Trust", "/trust"],
  ["rollouts", "Rollouts", "/rollouts"],
  ["settings", "Settings", "/settings"],
  ["logs", "Logs", "/logs"],
];

/**
 * A page about one plugin. `body(view)` is built once the plugin is known and returns
 * {node, update, leave, theme}; `wide` gives it the whole width.
 */
export function pluginPage({ id, tab, body, wide = false }) {
  const name = h("h1", id);
  const version = h("span.tag");
  const badge = h("span");
  const more = menu("More actions", () => menuItems(store.plugins.get(id)));
  const end = h("div.end", more);
  const tabs = h("nav.tabs", { "aria-label": "Plugin" });
  for (const [key, words, path] of TABS) {
    tabs.append(h("a", { href: `/plugins/${id}${path}`, "aria-current": key === tab && "page", data: { tab: key } }, words));
  }
  const head = h(`header.plugin-head${wide ? ".wide" : ""}`, h("div.inner", h("div.title", name, version, badge), end, tabs));
  const loading = h("div.page", bones(5, "Loading the plugin"));
  const node = h("div.stage", head, loading);
  let shown = null;

  function update() {
    if (store.plugins === null) return;
    const view = store.plugins.get(id);
    head.hidden = !view;
    if (!view) return gone();
    name.textContent = view.name;
    version.textContent = view.version;
    badge.replaceChildren(stateBadge(view.state));
    for (const link of tabs.children) {
      const has = { open: Boolean(view.ui), settings: view.hasSettings }[link.dataset.tab] ?? true;
      link.hidden = !has && link.dataset.tab !== tab;
    }
    if (!shown) {
      shown = body(view);
      node.replaceChildren(head, shown.node);
    }
    shown.update?.(view);
  }

  function gone() {
    shown?.leave?.();
    shown = null;
    const back = h("a.button", { href: "/" }, "All plugins");
    const words = empty("plug", "Not installed", `There is no plugin “${id}” here.`, [back, h("a.button", { href: "/catalog" }, "Catalog")]);
    node.replaceChildren(head, h("div.page", words));
  }

  return {
    node,
    update,
    leave: () => shown?.leave?.(),
    theme: (theme) => shown?.theme?.(theme),
    title: () => `${store.plugins?.get(id)?.name ?? id}${tab === "open" ? "" : ` ${tab}`}`,
  };
}
