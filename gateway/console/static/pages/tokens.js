// Tokens: made, listed, revoked. A secret is shown once, here.

import { api } from "../api.js";
import { button, h } from "../dom.js";
import { ago } from "../format.js";
import { ask, bones, busy, complain, empty, toast } from "../ui.js";

const ROLES = [["", "None"], ["viewer", "Viewer"], ["operator", "Operator"], ["admin", "Admin"]];
const LIVES = [["30", "30 days"], ["90", "90 days"], ["365", "A year"], ["", "For ever"]];

export function create() {
  const place = h("div.panel", h("div.body", bones(3, "Loading the tokens")));
  const make = button("New token", { symbol: "plus", kind: "primary", onclick: () => busy(make, begin) });
  const words = h("p.muted", "For people and programs beside the admin token in PLUGWAY_HOME.");
  const node = h("div.page", h("div.page-head", h("div.grow", h("h1", "Tokens"), words), make), place);

  async function load() {
    try {
      const { tokens } = await api.tokens();
      place.replaceChildren(tokens.length ? table(tokens) : empty("lock", "No tokens", "There is only the admin token in PLUGWAY_HOME."));
    } catch (error) {
      place.replaceChildren(empty("alert", "The tokens could not be loaded", error.message, [button("Try again", { onclick: load })]));
    }
  }

  function table(tokens) {
    const head = h("tr", ["Name", "Role", "Grants", "Expires", "Last used", "Made by", ""].map((name) => h("th", { scope: "col" }, name)));
    return h("div.body.scroll", h("table.plain", h("thead", head), h("tbody", tokens.map(row))));
  }

  function row(token) {
    const grants = Object.entries(token.grants).map(([plugin, role]) => `${plugin}: ${role}`).join(", ");
    const expires = token.expired ? "Expired" : token.expiresAt ? ago(token.expiresAt, "in") : "Never";
    const used = token.usedAt ? ago(token.usedAt) : "Never";
    const revoke = button("Revoke", { symbol: "bin", kind: "quiet", "aria-label": `Revoke ${token.name}`, onclick: () => end(token) });
    const cells = [token.name, token.role || "–", grants || "–", expires, used, token.createdBy, revoke];
    return h("tr", { data: { token: token.name } }, cells.map((cell) => h("td", cell)));
  }

  async function end(token) {
    const text = `${token.name} is refused from the next call on, and its sessions are over.`;
    if (!(await ask({ title: `Revoke ${token.name}?`, text, accept: "Revoke", danger: true }))) return;
    await api.revokeToken(token.id).catch(complain);
    await load();
  }

  async function begin() {
    const extra = [
      field("name", "Name", h("input.input", { id: "name", name: "name", required: true, maxlength: 63, autocomplete: "off" })),
      field("role", "Role, for everything", choice("role", ROLES)),
      field("grants", "Grants, one plugin each", h("input.input", { id: "grants", name: "grants", placeholder: "notes=user, redis-management=operator", autocomplete: "off" })),
      field("days", "Holds for", choice("days", LIVES)),
    ];
    const given = await ask({ title: "New token", accept: "Make it", extra });
    if (!given) return;
    const expiresAt = given.days ? new Date(Date.now() + given.days * 86400000).toISOString() : null;
    const { token, secret } = await api.createToken({ name: given.name, role: given.role, grants: pairs(given.grants), expiresAt });
    await load();
    await show(token.name, secret);
  }

  async function show(name, secret) {
    const shown = h("input.input", { readonly: true, value: secret, "aria-label": `Secret of ${name}`, onfocus: (event) => event.target.select() });
    const copy = button("Copy", { onclick: () => navigator.clipboard.writeText(secret).then(() => toast("Copied."), complain) });
    await ask({ title: `The secret of ${name}`, text: "It is shown this once, and kept nowhere.", accept: "Done", extra: [h("div.field", shown, copy)] });
  }

  load();
  return { node, title: () => "Tokens" };
}

const field = (id, label, input) => h("div.field", h("label", { for: id }, label), input);
const choice = (name, options) => h("select.input", { id: name, name }, options.map(([value, words]) => h("option", { value }, words)));

function pairs(text) {
  const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
  return Object.fromEntries(parts.map((part) => part.split("=").map((word) => word.trim())).map(([plugin, role = ""]) => [plugin, role]));
}
