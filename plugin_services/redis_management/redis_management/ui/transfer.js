// Keys as a file, and back.

import { shown } from "./bytes.js";
import { formDialog } from "./kit/dialog.js";
import { h } from "./kit/dom.js";
import { count, plural, size } from "./kit/format.js";
import { choice, field } from "./kit/parts.js";
import { Problem } from "./kit/api.js";

async function asked(page, method, path, query, body) {
  const all = Object.entries({ ...page.api.always, ...query }).filter(([, value]) => value !== undefined && value !== "");
  const headers = body ? { "content-type": "application/x-ndjson" } : {};
  const answer = await page.host.fetch(`${path}?${new URLSearchParams(all)}`, { method, body, headers });
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

export function exportKeys(page, pattern, type) {
  return formDialog(page.root.firstChild, {
    title: "Export keys",
    accept: "Export",
    body: [
      h("p", {}, "All keys that match ", h("code", {}, pattern), type ? ` and are a ${type}` : "", ", with their values and times to live, as a file of JSON lines that an import takes."),
      h("p", { class: "muted" }, "The file passes through this browser's memory: of many gigabytes, take it from the API."),
    ],
    submit: async () => {
      const blob = await (await asked(page, "GET", "/export", { pattern, type })).blob();
      const end = JSON.parse((await blob.slice(-2000).text()).trimEnd().split("\n").at(-1));
      if (!end.end) throw new Error(end.error ?? "The file is cut; try again.");
      const day = new Date().toISOString().slice(0, 10);
      await page.host.download(`redis-${page.connection.name}-${day}.jsonl`, blob);
      page.done(`Exported ${plural(end.keys, "key")}${end.skipped ? `; ${plural(end.skipped, "key")} too large for it` : ""}.`);
    },
  });
}

const EXISTING = { keep: "keep those that are there", replace: "replace those that are there" };

/** Resolves with true where keys were imported. */
export async function importKeys(page) {
  const file = h("input", { class: "input", type: "file", accept: ".jsonl,.ndjson,application/x-ndjson" });
  const existing = choice(EXISTING, "keep");
  const chosen = await formDialog(page.root.firstChild, {
    title: "Import keys",
    accept: "Look at the file",
    body: [field("File", file, "One that was exported here, or by another Redis of the same version or an older one."), field("Keys that exist", existing)],
    submit: async () => {
      if (!file.files.length) throw new Error("Choose a file.");
      return look(page, file.files[0], existing.value);
    },
  });
  return chosen ? confirmed(page, chosen) : false;
}

async function look(page, file, existing) {
  const would = await (await asked(page, "POST", "/import", { existing, dryRun: true }, file)).json();
  return { file, existing, would };
}

function words({ restored, replaced, kept, expired, skipped, failed, complete, dryRun }) {
  const will = dryRun ? "would be" : "were";
  return [
    `${plural(restored, "key")} ${will} new.`,
    replaced > 0 && `${plural(replaced, "key")} ${will} replaced; what they hold now ${dryRun ? "is" : "was"} lost.`,
    kept > 0 && `${plural(kept, "key")} exist and ${dryRun ? "would stay" : "stayed"} as they are.`,
    expired > 0 && `${plural(expired, "key")}: their time is over.`,
    skipped > 0 && `${plural(skipped, "key")} were left out by the export, as too large.`,
    failed > 0 && `${plural(failed, "line")} cannot be read.`,
    !complete && "The file has no end: it was cut, and holds a part of the keys.",
  ].filter(Boolean);
}

async function confirmed(page, { file, existing, would }) {
  const replaces = would.replaced > 0;
  const typed = h("input", { class: "input code", inputmode: "numeric", autocomplete: "off" });
  const outcome = await formDialog(page.root.firstChild, {
    title: `Import ${file.name} (${size(file.size)})`,
    accept: replaces ? "Replace them" : "Import",
    danger: replaces,
    body: [
      h("ul", { class: "sample" }, words(would).map((one) => h("li", {}, one)), failures(would)),
      replaces && field(`Type ${would.replaced} to confirm`, typed, "So many keys are replaced; this cannot be undone."),
    ],
    submit: async () => {
      if (replaces && typed.value.replace(/\D/g, "") !== String(would.replaced)) throw new Error(`Type the number ${would.replaced}.`);
      return (await asked(page, "POST", "/import", { existing }, file)).json();
    },
  });
  if (!outcome) return false;
  if (outcome.failed) page.failed({ message: words(outcome).join(" ") });
  else page.done(words(outcome).join(" "));
  return true;
}

function failures({ failures: some, failed }) {
  const rows = some.slice(0, 10).map(({ line, key, reason }) => h("li", {}, `Line ${count(line)}${key ? ` (${shown(key)})` : ""}: ${reason}`));
  return [rows, failed > rows.length && h("li", {}, `and ${count(failed - rows.length)} more.`)];
}
