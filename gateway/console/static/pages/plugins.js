// All plugins at a glance, live.

import { menuItems, remedy } from "../actions.js";
import { h, icon } from "../dom.js";
import { ago } from "../format.js";
import { shortLine } from "../rollout/strip.js";
import { store } from "../store.js";
import { grade, standingBadge, tierBadge } from "../trust/words.js";
import { bones, empty, menu, stateBadge } from "../ui.js";

export function create() {
  const rows = new Map();
  const search = h("input.input", { type: "search", placeholder: "Find a plugin", "aria-label": "Find a plugin", oninput: update });
  const finder = h("div.search", icon("search"), search);
  const summary = h("p.muted", { "aria-live": "polite" });
  const install = h("a.button", { href: "/catalog" }, icon("plus"), "Install");
  const list = h("div.rows");
  const head = ["Plugin", "Health", "Version", "Restarts", "Since", ""].map((name) => h("div", name));
  const panel = h("div.panel", h("div.row.head", { "aria-hidden": "true" }, head), list);
  const rest = h("div.panel", h("div.body", bones(4, "Loading plugins")));
  const node = h("div.page", h("div.page-head", h("div.grow", h("h1", "Plugins"), summary), finder, install), panel, rest);

  function update() {
    const all = store.list();
    const wanted = search.value.trim().toLowerCase();
    const shown = all.filter((view) => `${view.name} ${view.id} ${view.description}`.toLowerCase().includes(wanted));
    finder.hidden = all.length < 4;
    panel.hidden = shown.length === 0;
    rest.hidden = shown.length > 0;
    if (store.plugins === null) return;
    summary.textContent = summarise(all);
    rest.replaceChildren(...(shown.length ? [] : [all.length ? noneFound(wanted) : noneInstalled()]));
    for (const [id, row] of rows) {
      if (shown.some((view) => view.id === id)) continue;
      row.node.remove();
      rows.delete(id);
    }
    shown.forEach((view, at) => {
      if (!rows.has(view.id)) rows.set(view.id, createRow());
      const row = rows.get(view.id);
      row.update(view);
      if (list.children[at] !== row.node) list.insertBefore(row.node, list.children[at] ?? null);
    });
  }

  return { node, update, title: () => "Plugins" };
}

function summarise(all) {
  if (!all.length) return "";
  const away = all.filter((view) => view.enabled && view.state !== "healthy").length;
  const off = all.filter((view) => !view.enabled).length;
  const parts = [`${all.length} installed`, away ? `${away} not healthy` : "all running ones healthy", off && `${off} disabled`];
  return parts.filter(Boolean).join(" · ");
}

function noneFound(wanted) {
  return empty("search", "Nothing found", `No installed plugin matches “${wanted}”.`);
}

function noneInstalled() {
  const go = h("a.button.primary", { href: "/catalog" }, icon("plus"), "Open the catalog");
  return empty("plug", "No plugins yet", "Install one and it appears here with its state, its page and its logs.", [go]);
}

function sourceBadge(view) {
  const { changed, newest, words } = view.upstream ?? {};
  if (!changed && !newest) return null;
  return h("span.badge", { title: words }, newest ? `${newest} is there` : "changed at its source");
}

function createRow() {
  let view = null;
  let shownActions = "";
  let rollout = null;
  const name = h("a");
  const about = h("span.muted.small");
  const marks = h("div.badges");
  const health = h("div.health");
  const version = h("span.number.version");
  const restarts = h("span.number.restarts");
  const since = h("span.number.since");
  const actions = h("div.actions");
  const more = menu("More", () => menuItems(view));
  const who = h("div.who", name, about, marks);
  const node = h("div.row", { role: "group" }, who, health, h("div.meta", version, restarts, since), actions);
  const label = (words) => h("span.label", words);

  function update(next) {
    const moving = store.rollouts.get(next.id) ?? null;
    const same = moving?.phase === rollout?.phase && moving?.candidate.weight === rollout?.candidate.weight;
    if (same && JSON.stringify(next) === JSON.stringify(view)) return;
    view = next;
    rollout = moving;
    node.dataset.plugin = view.id;
    node.setAttribute("aria-label", view.name);
    name.textContent = view.name;
    name.href = `/plugins/${view.id}`;
    about.textContent = view.description || view.id;
    // Of what is shipped there is nothing to say but that it is.
    const doubtful = view.tier !== "built-in" || view.trust.refusal;
    marks.replaceChildren(...[tierBadge(view), doubtful && standingBadge(view), sourceBadge(view), grade(view.rating)].filter(Boolean));
    const reason = view.state === "healthy" ? "" : view.progress || view.reason;
    health.replaceChildren(stateBadge(view.state), ...(reason ? [h("span.muted.small", reason)] : []), ...(rollout ? [shortLine(rollout)] : []));
    version.replaceChildren(label("Version"), view.version);
    restarts.replaceChildren(label("Restarts"), String(view.restarts));
    since.replaceChildren(label("Since"), ago(view.since, ""));
    const wanted = `${view.enabled} ${view.state === "quarantined"} ${Boolean(view.ui)}`;
    if (wanted === shownActions) return;
    shownActions = wanted;
    const open = view.ui && h("a.button", { href: `/plugins/${view.id}/open`, "aria-label": `Open ${view.name}` }, "Open");
    actions.replaceChildren(...[remedy(view) ?? open, more].filter(Boolean));
  }

  return { node, update };
}
