// What can be installed, and installing it.

import { api } from "../api.js";
import { button, h, icon } from "../dom.js";
import { refresh } from "../live.js";
import { navigate } from "../router.js";
import { store } from "../store.js";
import { ask, bones, busy, callout, empty, toast } from "../ui.js";

const EXAMPLE = { id: "my-plugin", source: "remote", sourceUrl: "grpc://host:port" };

export function create() {
  const place = h("div", h("div.panel", h("div.body", bones(4, "Loading the catalog"))));
  const own = button("From a definition", { symbol: "plus", onclick: installOwn });
  const words = h("div.grow", h("h1", "Catalog"), h("p.muted", "Plugins that this gateway can install."));
  const node = h("div.page", h("div.page-head", words, own), place);
  let entries = null;
  let shown = "";

  async function load() {
    try {
      entries = newest(await api.catalog());
      update();
    } catch (error) {
      const again = button("Try again", { symbol: "turn", onclick: load });
      place.replaceChildren(empty("alert", "The catalog could not be loaded", error.message, [again]));
    }
  }

  function update() {
    if (!entries) return;
    const installed = Object.fromEntries([...(store.plugins?.values() ?? [])].map(({ id, version }) => [id, version]));
    const now = JSON.stringify([entries, installed]);
    if (now === shown) return;
    shown = now;
    const cards = entries.map((entry) => card(entry, installed[entry.id]));
    place.replaceChildren(cards.length ? h("div.cards", cards) : empty("plug", "Nothing to install", "No source offers a plugin."));
  }

  load();
  return { node, update, title: () => "Catalog" };
}

/** The catalog lists versions; one card for each plugin shows the first, which is the newest. */
function newest(all) {
  const byId = new Map();
  for (const entry of all) if (!byId.has(entry.id)) byId.set(entry.id, entry);
  return [...byId.values()];
}

function card(entry, installed) {
  const install = button("Install", { kind: "primary", "aria-label": `Install ${entry.name}`, onclick: () => begin(install, entry) });
  const there = installed === entry.version || !entry.version ? h("a.button", { href: `/plugins/${entry.id}` }, icon("check"), "Installed") : change(entry, installed);
  const foot = h("div.foot", h("span.tag", entry.version), h("span.tag", entry.source), h("div.end", installed ? there : !entry.problem && install));
  const problem = entry.problem && h("p.error-text", entry.problem);
  return h("article.panel.card", { data: { plugin: entry.id } }, h("h2", entry.name), h("p.muted", entry.description || "No description."), problem, foot);
}

/** For a plugin that is installed in another version than the newest. */
function change(entry, installed) {
  const label = `Move ${entry.name} from ${installed} to another version`;
  return h("a.button", { href: `/plugins/${entry.id}/rollouts`, "aria-label": label }, icon("forward"), `From ${installed}`);
}

async function begin(by, entry) {
  const sure = await ask({
    title: `Install ${entry.name} ${entry.version}?`,
    extra: [grants(entry.permissions ?? { egress: [], volumes: [] })],
    accept: "Install",
  });
  if (sure) await busy(by, () => install(entry.definition ?? { id: entry.id }));
}

function grants({ egress, volumes }) {
  const named = (address) => (address.startsWith("settings:") ? `the address that its setting ${address.slice(10)} names` : address);
  const lines = [
    ...egress.map((address) => ["open", `It may connect to ${named(address)}.`]),
    ...volumes.map((name) => ["lock", `It keeps data in the volume “${name}”.`]),
  ];
  if (!lines.length) return h("p", "It asks for nothing outside its own sandbox.");
  return h("div.stack", h("p", "It will be granted:"), h("ul", lines.map(([symbol, words]) => h("li.grant", icon(symbol), words))));
}

async function install(definition) {
  const view = await api.install(definition);
  toast(`${view?.name ?? definition.id} is installed and starts now.`, "ok");
  await refresh();
  navigate(`/plugins/${view?.id ?? definition.id}`);
}

/** A dialog for a whole definition; stays open while it is refused. */
function installOwn() {
  const field = h("textarea.input", { id: "definition", rows: 9, spellcheck: "false", value: JSON.stringify(EXAMPLE, null, 2) });
  const refused = h("div");
  const submit = button("Install", { kind: "primary", type: "submit" });
  const cancel = button("Cancel", { onclick: () => dialog.close() });
  const label = h("label", { for: "definition" }, "Plugin definition (JSON)");
  const form = h("form", { onsubmit: send }, h("h2", { id: "own-title" }, "Install from a definition"), h("div.field", label, field), refused, h("div.actions", cancel, submit));
  const dialog = h("dialog.wide", { "aria-labelledby": "own-title", onclose: () => dialog.remove() }, form);

  async function send(event) {
    event.preventDefault();
    submit.disabled = true;
    try {
      await install(JSON.parse(field.value));
      dialog.close();
    } catch (error) {
      const lines = [...(error.fields ?? [])].map(([path, message]) => `${path || "definition"}: ${message}`);
      const title = error instanceof SyntaxError ? "This is not valid JSON" : "Not installed";
      refused.replaceChildren(callout("danger", "alert", title, [error.message, ...lines, error.hint].filter(Boolean).join("\n")));
    } finally {
      submit.disabled = false;
    }
  }

  document.body.append(dialog);
  dialog.showModal();
}
