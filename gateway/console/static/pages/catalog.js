// What can be installed: search, cards, and the catalogues it comes from.

import { api } from "../api.js";
import { button, h, icon } from "../dom.js";
import { cataloguePanel } from "../market/catalogues.js";
import { install } from "../market/install.js";
import { installOwn } from "../market/own.js";
import { badges, from, objection } from "../market/words.js";
import { store } from "../store.js";
import { bones, busy, empty } from "../ui.js";

const AT_ONCE = 60; // cards; more come by a button

export function create() {
  const place = h("div", h("div.panel", h("div.body", bones(4, "Loading the catalog"))));
  const own = button("From a definition", { symbol: "plus", onclick: installOwn });
  const summary = h("p.muted", { "aria-live": "polite" }, "Plugins that this gateway can install.");
  const search = h("input.input", { type: "search", placeholder: "Find a plugin to install", "aria-label": "Find a plugin to install", oninput: () => find() });
  const finder = h("div.search", icon("search"), search);
  const where = h("select.input", { "aria-label": "From where", onchange: () => find() });
  const what = h("select.input", { "aria-label": "Category", onchange: () => find() });
  const tools = h("div.market-tools", finder, where, what);
  const panel = cataloguePanel(load);
  const node = h("div.page", h("div.page-head", h("div.grow", h("h1", "Catalog"), summary), own), tools, place, panel.node);
  let entries = null;
  let most = AT_ONCE;
  let shown = "";

  async function load() {
    try {
      entries = await api.catalog();
      choices(where, "From everywhere", entries.map((entry) => [`@${entry.catalogue}`, entry.catalogue ? from(entry) : "This gateway"]));
      choices(what, "All categories", entries.flatMap((entry) => entry.categories.map((name) => [`#${name}`, name])));
      update();
    } catch (error) {
      const again = button("Try again", { symbol: "turn", onclick: load });
      place.replaceChildren(empty("alert", "The catalog could not be loaded", error.message, [again]));
    }
  }

  function find() {
    most = AT_ONCE;
    update();
  }

  function update() {
    panel.update();
    if (!entries) return;
    const found = entries.filter((entry) => fits(entry, search.value, where.value, what.value));
    const installed = Object.fromEntries([...(store.plugins?.values() ?? [])].map(({ id, version }) => [id, version]));
    const now = JSON.stringify([found, installed, most, store.session?.role]);
    if (now === shown) return;
    shown = now;
    summary.textContent = found.length === entries.length ? `${entries.length} ${entries.length === 1 ? "plugin" : "plugins"}.` : `${found.length} of ${entries.length} plugins.`;
    const cards = found.slice(0, most).map((entry) => card(entry, installed[entry.id]));
    const more = found.length > most && button(`Show ${Math.min(AT_ONCE, found.length - most)} more`, { onclick: () => ((most += AT_ONCE), update()) });
    const nothing = entries.length ? empty("search", "Nothing found", "No plugin has all of these words.") : empty("plug", "Nothing to install", "No source offers a plugin.");
    place.replaceChildren(cards.length ? h("div.stack", h("div.cards", cards), more) : nothing);
  }

  load();
  return { node, update, title: () => "Catalog" };
}

function fits(entry, words, place, category) {
  const text = [entry.id, entry.name, entry.description, entry.publisher, ...entry.categories].join("\n").toLowerCase();
  if (place !== "*" && place.slice(1) !== entry.catalogue) return false;
  if (category !== "*" && !entry.categories.includes(category.slice(1))) return false;
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** Fills a select; keeps what is chosen where it is still there, and hides one without a choice. */
function choices(select, all, pairs) {
  const known = new Map(pairs);
  const before = select.value;
  select.replaceChildren(h("option", { value: "*" }, all), ...[...known].sort().map(([value, words]) => h("option", { value }, words)));
  select.value = known.has(before) ? before : "*";
  select.hidden = known.size < 2;
}

function card(entry, installed) {
  const path = `/catalog/${entry.id}`;
  const said = objection(entry);
  const name = entry.id ? h("a", { href: path }, entry.name) : entry.name;
  const by = entry.publisher ? `${entry.publisher}, in ${from(entry)}` : entry.catalogue && `In ${from(entry)}`;
  const foot = h("div.foot", entry.version && h("span.tag", entry.version), entry.source && h("span.tag", entry.source), h("div.end", action(entry, installed)));
  return h(
    "article.panel.card",
    { data: { plugin: entry.id, catalogue: entry.catalogue } },
    h("div.card-head", h("h2", name), badges(entry)),
    by && h("p.small.muted", by),
    h("p.muted.card-words", entry.description || "No description."),
    said && h("p.error-text", said),
    foot,
  );
}

function action(entry, installed) {
  if (installed !== undefined && entry.update) {
    return h("a.button", { href: `/catalog/${entry.id}`, "aria-label": `Update ${entry.name} to ${entry.update}` }, icon("forward"), `Update to ${entry.update}`);
  }
  if (installed === entry.version && installed !== undefined) return h("a.button", { href: `/plugins/${entry.id}` }, icon("check"), "Installed");
  if (installed !== undefined) {
    const label = `Move ${entry.name} from ${installed} to another version`;
    return h("a.button", { href: `/plugins/${entry.id}/rollouts`, "aria-label": label }, icon("forward"), `From ${installed}`);
  }
  if (!Object.keys(entry.definition).length) return null;
  const node = button("Install", { kind: "primary", "aria-label": `Install ${entry.name}`, onclick: () => busy(node, () => install(entry, entry)) });
  return node;
}
