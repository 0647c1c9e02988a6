// Refreshes of a dataset: the history with how long each took, the one that runs, a new one.

import { between, when } from "./api.js";
import { bar } from "./kit/bars.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { seconds } from "./kit/format.js";
import { button, choice, field, into, panel } from "./kit/parts.js";

const EVERY = 10_000;
const KINDS = { "": "As Power BI does it", Full: "Full: data and all that is calculated", DataOnly: "Data only", Calculate: "Calculate only", Automatic: "What needs it", ClearValues: "Clear the values" };

/** The panel; `load()` asks again, `leave()` stops asking by itself. */
export function refreshPanel(page, path) {
  const body = h("div");
  const load = (quiet = true) => into(body, async () => history(page, path, (await page.api.get(`${path}/refreshes`)).refreshes, load), { quiet });
  load(false);
  const timer = setInterval(() => !document.hidden && body.querySelector("[data-state=running]") && load(), EVERY);
  return { element: panel("Refreshes", body), load, leave: () => clearInterval(timer) };
}

function history(page, path, refreshes, load) {
  if (!refreshes.length) return h("p", { class: "muted" }, "It was never refreshed, as far as Power BI remembers.");
  const now = new Date().toISOString();
  const lengths = refreshes.map((one) => between(one.started, one.ended ?? (one.state === "running" ? now : null)));
  const most = Math.max(1, ...lengths.map((length) => length ?? 0));
  return h("ul", { class: "bars refreshes", "aria-label": "Refreshes, the newest first" }, refreshes.map((one, index) => entry(page, path, one, lengths[index], most, load)));
}

const TONES = { failed: "bad", cancelled: "warn", disabled: "warn" };

function entry(page, path, one, length, most, load) {
  const words = [one.kind, length !== null && (one.state === "running" ? `for ${seconds(length)}` : seconds(length)), one.attempts.length > 1 && `${one.attempts.length} attempts`];
  const error = one.error || one.attempts.findLast(({ error }) => error)?.error;
  return h(
    "li",
    { "data-state": one.state },
    h("span", { class: "name" }, when(one.started), h("span", { class: `badge ${TONES[one.state] ?? ""}` }, one.state)),
    h("span", { class: "number muted" }, words.filter(Boolean).join(" · "),
      one.id && one.kind === "ViaEnhancedApi" && button("Details", () => details(page, path, one), { kind: "link", title: `Details of the refresh of ${when(one.started)}`, about: when(one.started) }),
      page.writable && one.cancellable && button("Cancel…", () => cancel(page, path, one, load), { kind: "link danger", about: when(one.started) })),
    bar(length ?? 0, most, TONES[one.state]),
    error && h("p", { class: "error code" }, error),
  );
}

async function cancel(page, path, one, load) {
  if (!(await page.sure("Cancel this refresh? What it has read so far is thrown away; the data stays as it was before.", "Cancel the refresh"))) return;
  try {
    await page.api.remove(`${path}/refreshes/${one.id}`);
    page.done("Cancelled the refresh.");
  } catch (error) {
    page.failed(error);
  }
  load();
}

function details(page, path, one) {
  const body = h("div");
  into(body, async () => {
    const found = await page.api.get(`${path}/refreshes/${one.id}`);
    const rows = found.objects.map(({ table, partition, state }) => h("tr", {}, h("td", { "data-label": "Table" }, table), h("td", { "data-label": "Partition", class: "code" }, partition), h("td", { "data-label": "State" }, state)));
    return [
      h("p", { class: "muted" }, `${found.type}, ${found.state}, from ${when(found.started)} to ${when(found.ended)}.`),
      found.messages.map((text) => h("p", {}, text)),
      h("table", { class: "plain stack" }, h("thead", {}, h("tr", {}, ["Table", "Partition", "State"].map((label) => h("th", {}, label)))), h("tbody", {}, rows)),
    ];
  });
  formDialog(page.root.firstChild, { title: "Refresh", body, accept: "Close", wide: true, cancel: false, submit: () => true });
}

/** Asks how, and starts one; resolves with whether it did. */
export function startRefresh(page, path, { name }) {
  const type = choice(KINDS, "");
  const whole = h("input", { type: "checkbox", checked: true });
  const tables = h("textarea", { class: "input code", rows: 3, spellcheck: "false", autocapitalize: "off" });
  const more = h("div", { class: "dialog-body" });
  const show = () => fill(more, type.value && [
    h("label", { class: "check" }, whole, "All or nothing: readers see the new data when all of it is there"),
    field("Tables", tables, "One a line; leave it empty for all of them."),
  ]);
  type.addEventListener("change", show);
  return formDialog(page.root.firstChild, {
    title: `Refresh ${name}`,
    accept: "Refresh it",
    body: [field("How", type, "All but the first need a capacity, and can be cancelled."), more],
    submit: async () => {
      const objects = tables.value.split("\n").map((line) => line.trim()).filter(Boolean).map((table) => ({ table }));
      const body = type.value ? { type: type.value, commitMode: whole.checked ? "transactional" : "partialBatch", objects } : {};
      await page.api.post(`${path}/refreshes`, {}, body);
      page.done(`Power BI refreshes ${name}.`);
      return true;
    },
  });
}
