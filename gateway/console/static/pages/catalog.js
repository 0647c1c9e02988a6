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
const PAUSE = 180; // ms after the last key, before the gateway is asked

export function create() {
  const place = h("div", h("div.panel", h("div.body", bones(4, "Loading the catalog"))));
  const own = button("From a definition", { symbol: "plus", onclick: installOwn });
  const summary = h("p.muted", { "aria-live": "polite" }, "Plugins that this gateway can install.");
  const search = h("input.input", { type: "search", placeholder: "Find a plugin to install", "aria-label": "Find a plugin to install", oninput: () => find(PAUSE), maxlength: 200 });
  const finder = h("div.search", icon("search"), search);
  const where = h("select.input", { "aria-label": "From where", onchange: () => find() });
  const what = h("select.input", { "aria-label": "Category", onchange: () => find() });
  const tools = h("div.market-tools", finder, where, what);
  const panel = cataloguePanel(load);
  const node = h("div.page", h("div.page-head", h("div.grow", h("h1", "Catalog"), summary), own), tools, place, panel.node);
  let found = null;
  let most = AT_ONCE;
  let shown = "";
  let timer = 0;
  let turn = 0;

  async function load() {
    const mine = ++turn;
    try {
      const [answer, { catalogues }] = await Promise.all([api.catalog(asked()), api.catalogues()]);
      if (mine !== turn) return; // A later question is on its way.
      found = answer;
      const titles = catalogues.map(({ name, title }) => [`@${name}`, title]);
      choices(where, "From everywhere", titles.length ? [["@", "This gateway"], ...titles] : []);
      choices(what, "All categories", answer.categories.map((name) => [`#${name}`, name]));
      update();
    } catch (error) {
      if (mine !== turn) return;
      const again = button("Try again", { symbol: "turn", onclick: load });
      place.replaceChildren(empty("alert", "The catalog could not be loaded", error.message, [again]));
      shown = "";
    }
  }

  function asked() {
    const query = { limit: most };
    if (search.value.trim()) query.q = search.value.trim();
    if (where.value.startsWith("@")) query.catalogue = where.value.slice(1);
    if (what.value.startsWith("#")) query.category = what.value.slice(1);
    return query;
  }

  function find(pause = 0) {
    most = AT_ONCE;
    clearTimeout(timer);
    timer = setTimeout(load, pause);
  }

  function update() {
    panel.update();
    if (!found) return;
    const installed = Object.fromEntries([...(store.plugins?.values() ?? [])].map(({ id, version }) => [id, version]));
    const now = JSON.stringify([found, installed]);
    if (now === shown) return;
    shown = now;
    const { plugins, total } = found;
    summary.textContent = `${total} ${total === 1 ? "plugin" : "plugins"}.`;
    const more = total > plugins.length && button("Show more", { onclick: () => ((most += AT_ONCE), load()) });
    const narrowed = Object.keys(asked()).length > 1;
    const nothing = narrowed ? empty("search", "Nothing found", "No plugin has all of these words.") : empty("plug", "Nothing to install", "No source offers a plugin.");
    const cards = plugins.map((entry) => card(entry, installed[entry.id]));
    place.replaceChildren(cards.length ? h("div.stack", h("div.cards", cards), more) : nothing);
  }

  load();
  return { node, update, leave: () => clearTimeout(timer), title: () => "Catalog" };
}

/** Fills a select; keeps what is chosen where it is still there, and hides one without a choice. */
function choices(select, all, pairs) {
  const before = select.value;
  select.replaceChildren(h("option", { value: "*" }, all), ...pairs.map(([value, words]) => h("option", { value }, words)));
  select.value = pairs.some(([value]) => value === before) ? before : "*";
  select.hidden = pairs.length < 1;
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
