// The audit log: who did what, newest first.

import { api } from "../api.js";
import { button, h } from "../dom.js";
import { ago } from "../format.js";
import { bones, busy, empty } from "../ui.js";

const AT_ONCE = 100;

export function create() {
  const place = h("div.panel", h("div.body", bones(6, "Loading the audit log")));
  const words = h("p.muted", "Every act of management, every sign-in, and what was refused. Nothing in it can be changed.");
  const whole = h("a.button", { href: "/api/v1/audit/export", download: "audit.ndjson" }, "Export");
  const node = h("div.page", h("div.page-head", h("div.grow", h("h1", "Audit log"), words), whole), place);
  const rows = h("tbody");
  const head = h("tr", ["When", "Who", "What", "On", "Result", "From"].map((name) => h("th", { scope: "col" }, name)));
  const older = button("Older", { symbol: "down", onclick: () => busy(older, more) });
  let last = 0;

  async function more() {
    const { entries } = await api.audit(last, AT_ONCE);
    rows.append(...entries.map(row));
    last = entries.at(-1)?.seq ?? 0;
    older.hidden = entries.length < AT_ONCE;
  }

  async function load() {
    try {
      await more();
      const table = h("div.body.scroll", h("table.plain", h("thead", head), rows), older);
      place.replaceChildren(rows.children.length ? table : empty("logs", "Nothing yet", "What is done from now on appears here."));
    } catch (error) {
      place.replaceChildren(empty("alert", "The audit log could not be loaded", error.message, [button("Try again", { onclick: load })]));
    }
  }

  load();
  return { node, title: () => "Audit log" };
}

function row(entry) {
  const on = [...Object.values(entry.on), entry.facts.name, entry.facts.plugin].filter(Boolean).join(" ");
  const status = entry.status === null ? "" : entry.status || "no answer";
  const cells = [ago(entry.at), entry.user || entry.facts.user || "–", entry.act, on || "–", `${entry.phase} ${status}`.trim(), entry.from];
  return h("tr", { data: { phase: entry.phase }, title: `Request ${entry.request}, entry ${entry.seq}` }, cells.map((cell) => h("td", cell)));
}
