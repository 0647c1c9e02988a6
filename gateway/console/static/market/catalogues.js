// The catalogues that the gateway reads, and how they stand.

import { api } from "../api.js";
import { button, h } from "../dom.js";
import { ago } from "../format.js";
import { store } from "../store.js";
import { ask, busy, callout, toast } from "../ui.js";

/** {node, update}; `changed` is called after what may have changed the catalog. */
export function cataloguePanel(changed) {
  const body = h("div");
  const add = button("Add", { symbol: "plus", "aria-label": "Add a catalogue", onclick: () => addDialog(reload) });
  const head = h("header", h("h2", "Catalogues"), h("div.end", add));
  const node = h("section.panel.catalogues", head, body);

  let known = null;
  let shown = "";

  async function load() {
    try {
      known = await api.catalogues();
      shown = "";
      update();
    } catch (error) {
      body.replaceChildren(h("div.body.muted", error.message));
    }
  }

  function update() {
    // Who is signed in may be known later than what is shown.
    add.hidden = store.session?.role !== "admin";
    if (!known || shown === String(add.hidden)) return;
    shown = String(add.hidden);
    const { catalogues, problem } = known;
    const rows = catalogues.map((one) => row(one, reload));
    body.replaceChildren(
      problem ? h("div.body", callout("danger", "alert", "The list of catalogues cannot be read", problem)) : "",
      rows.length ? h("div.rows", rows) : h("div.body.muted", "None yet. A catalogue is a signed list of plugins that somebody publishes."),
    );
  }

  async function reload() {
    await load();
    await changed();
  }

  load();
  return { node, update };
}

function row(one, reload) {
  const tone = one.expired ? "danger" : one.problem ? "warn" : "";
  const state = one.expired ? "Expired: nothing is installed from it" : one.problem;
  const facts = [`${one.plugins} plugins`, one.fetchedAt && h("span", "fetched ", ago(one.fetchedAt)), one.expires && h("span", one.expired ? "expired " : "holds until ", one.expires.slice(0, 10))];
  const about = h("div.who", h("strong", one.title), h("span.muted.small", one.url), h("span.muted.small.facts-line", facts.filter(Boolean).map((fact, at) => [at ? " · " : "", fact])));
  const told = state && h("p.small", { data: { tone } }, state, one.problem && one.hint ? ` ${one.hint}` : "");
  const again = button("Fetch now", { symbol: "turn", kind: "quiet", "aria-label": `Fetch ${one.title} now` });
  again.addEventListener("click", () => busy(again, () => fetchNow(one.name, reload)));
  const gone = button("Remove", { symbol: "bin", only: true, kind: "quiet", onclick: () => remove(one, reload) });
  gone.setAttribute("aria-label", `Remove ${one.title}`);
  const actions = store.session?.role === "admin" && h("div.actions", again, gone);
  return h("div.catalogue-row", { data: { catalogue: one.name } }, about, actions, told);
}

async function fetchNow(name, reload) {
  const found = await api.refreshCatalogue(name);
  toast(found.problem || `${found.title} is up to date.`, found.problem ? "error" : "ok");
  await reload();
}

async function remove(one, reload) {
  const sure = await ask({
    title: `Remove ${one.title}?`,
    text: "What was installed from it stays. The gateway forgets which of its versions it has seen.",
    accept: "Remove",
    danger: true,
  });
  if (!sure) return;
  await api.removeCatalogue(one.name).catch((error) => toast(error.message, "error"));
  await reload();
}

/** Stays open while the gateway refuses. */
function addDialog(reload) {
  const refused = h("div");
  const field = (name, label, help, more = {}) => {
    const input = h(more.rows ? "textarea.input" : "input.input", { id: `add-${name}`, name, required: true, spellcheck: "false", ...more });
    return h("div.field", h("label", { for: `add-${name}` }, label), input, h("p.help", help));
  };
  const submit = button("Add", { kind: "primary", type: "submit" });
  const form = h(
    "form",
    { onsubmit: send },
    h("h2", { id: "add-title" }, "Add a catalogue"),
    field("name", "Name", "A word of your own for it.", { pattern: "[a-z0-9][a-z0-9._\\-]*", maxlength: 63 }),
    field("url", "Address of its index", "https://host/index.json", { type: "url" }),
    field("keys", "Public keys", "One a line, as ed25519:… or PEM. They have to come to you by another way than the catalogue.", { rows: 3 }),
    field("threshold", "Keys that have to sign", "More than one protects from a stolen key.", { type: "number", min: 1, max: 16, value: 1 }),
    refused,
    h("div.actions", button("Cancel", { onclick: () => dialog.close() }), submit),
  );
  const dialog = h("dialog.wide", { "aria-labelledby": "add-title", onclose: () => dialog.remove() }, form);

  async function send(event) {
    event.preventDefault();
    const { name, url, keys, threshold } = Object.fromEntries(new FormData(form));
    submit.disabled = true;
    try {
      const found = await api.addCatalogue({ name, url, keys: split(keys), threshold: Number(threshold) });
      toast(`${found.title} is read from now on: ${found.plugins} plugins.`, "ok");
      dialog.close();
      await reload();
    } catch (error) {
      const lines = [...(error.fields ?? [])].map(([path, message]) => `${path}: ${message}`);
      refused.replaceChildren(callout("danger", "alert", "Not added", [error.message, ...lines, error.hint].filter(Boolean).join("\n")));
    } finally {
      submit.disabled = false;
    }
  }

  document.body.append(dialog);
  dialog.showModal();
}

/** PEM blocks and single lines. */
function split(text) {
  return text.match(/-----BEGIN [^]*?-----END [A-Z ]+-----|\S+/g) ?? [];
}
