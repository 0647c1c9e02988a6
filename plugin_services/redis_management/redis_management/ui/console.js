// A console for commands. What can do harm is asked for by name; the plugin refuses the rest.

import { shown } from "./bytes.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { count, plural } from "./kit/format.js";
import { button, field } from "./kit/parts.js";

const KEPT = 100;
/** Lines of this visit, by connection; they are kept nowhere. */
const history = new Map();

export function consoleView(page, place) {
  const lines = history.get(page.connection.name) ?? [];
  history.set(page.connection.name, lines);
  let at = lines.length;
  const input = h("input", { class: "input code", "aria-label": "Command", placeholder: "GET key", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const out = h("div", { class: "log", role: "log", "aria-label": "Answers", tabindex: 0 });
  const go = h("button", { type: "submit", class: "button primary" }, "Run");
  const form = h("form", { class: "bar" }, h("div", { class: "grow" }, input), go, button("Clear", () => fill(out)));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    at = Math.max(0, Math.min(lines.length, at + (event.key === "ArrowUp" ? -1 : 1)));
    input.value = lines[at] ?? "";
    event.preventDefault();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const line = input.value.trim();
    if (!line || go.disabled) return;
    go.disabled = true;
    if (lines.at(-1) !== line) lines.push(line);
    lines.splice(0, lines.length - KEPT);
    at = lines.length;
    const entry = await answered(page, line);
    go.disabled = false;
    if (entry) {
      out.prepend(entry);
      while (out.children.length > KEPT) out.lastChild.remove();
      input.value = "";
    }
    input.focus();
  });
  const note = page.connection.readOnly ? "Read only: commands that only read." : "What can do harm is asked for by name.";
  fill(place, form, h("p", { class: "muted" }, `${note} Each command has a connection of its own; "\\n", "\\xff" and 'quotes' as in redis-cli.`), out);
  input.focus();
  return { key: ({ key }) => key === "/" && (input.focus(), true) };
}

/** The command with what came of it; null where somebody thought better of it. */
async function answered(page, line) {
  try {
    return entryOf(line, await page.api.post("/console", {}, { line }));
  } catch (error) {
    if (error.kind !== "confirm-by-name") return failed(line, error);
    return confirmed(page, line, error);
  }
}

async function confirmed(page, line, why) {
  const typed = h("input", { class: "input code", autocomplete: "off", autocapitalize: "off" });
  const ran = await formDialog(page.root.firstChild, {
    title: "This can do harm",
    accept: "Run it",
    danger: true,
    body: [h("p", {}, why.message), h("pre", { class: "code" }, line), field("Type the command's name to confirm", typed, why.hint)],
    submit: () => page.api.post("/console", {}, { line, confirm: typed.value.trim() }),
  });
  return ran ? entryOf(line, ran) : null;
}

const head = (line) => h("div", { class: "code strong" }, `> ${line}`);

function failed(line, error) {
  return h("div", { class: "entry" }, head(line), h("div", { class: "code refused" }, error.message), error.hint && h("div", { class: "muted" }, error.hint));
}

function entryOf(line, { reply, milliseconds }) {
  return h("div", { class: "entry" }, head(line), h("pre", { class: `code ${reply.kind === "error" ? "refused" : ""}`, tabindex: 0 }, textOf(reply)), h("small", { class: "muted" }, `${milliseconds} ms`));
}

/** As redis-cli shows it. */
export function textOf(reply, indent = "") {
  if (reply.kind === "nothing") return "(nil)";
  if (reply.kind === "error") return `(error) ${reply.error}`;
  if (reply.kind === "number") return `(integer) ${reply.number}`;
  if (reply.kind === "text") return reply.text.encoding === "utf-8" && reply.text.data.includes("\n") ? reply.text.data + (reply.text.truncated ? "…" : "") : shown(reply.text);
  if (!reply.length) return "(empty)";
  const width = String(reply.items.length).length;
  const inner = `${indent}${" ".repeat(width + 2)}`;
  const lines = reply.items.map((item, at) => `${at ? indent : ""}${String(at + 1).padStart(width)}) ${textOf(item, inner)}`);
  if (reply.length > reply.items.length) lines.push(`${indent}… ${plural(reply.length - reply.items.length, "more element")} of ${count(reply.length)}`);
  return lines.join("\n");
}
