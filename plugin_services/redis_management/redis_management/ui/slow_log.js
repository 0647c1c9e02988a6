// Commands that took long.

import { shown } from "./bytes.js";
import { h } from "./kit/dom.js";
import { count, micros, moment, plural } from "./kit/format.js";
import { button, empty, into, panel } from "./kit/parts.js";

export function slowLogView(page, place) {
  const load = (quiet = false) => into(place, async () => table(page, await page.api.get("/slow-log"), load), { quiet });
  load();
  return { key: (event) => event.key === "r" && (load(true), true) };
}

function table(page, log, load) {
  const limit = log.thresholdMicroseconds;
  const words = limit === null ? "" : limit < 0 ? "The slow log is off." : `Commands that take longer than ${micros(limit)} are noted.`;
  const reset = async () => {
    if (!(await page.sure(`Forget ${plural(log.length, "slow command")}?`, "Empty the slow log"))) return;
    try {
      const { removed } = await page.api.remove("/slow-log");
      page.done(`Emptied; there were ${count(removed)}.`);
    } catch (error) {
      page.failed(error);
    }
    load(true);
  };
  const bar = h(
    "div",
    { class: "bar" },
    h("p", { class: "muted grow" }, words),
    button("Load again", () => load(true), { symbol: "refresh" }),
    page.writable && log.length > 0 && button("Empty", reset, { symbol: "trash", kind: "danger" }),
  );
  if (!log.entries.length) return [bar, empty("Nothing slow", "No command has taken long since the log was last emptied.")];
  const rows = log.entries.map((entry) =>
    h(
      "tr",
      {},
      h("td", { "data-label": "When" }, moment(entry.at)),
      h("td", { "data-label": "Took", class: "right strong" }, micros(entry.microseconds)),
      h("td", { "data-label": "Command", class: "code wide" }, entry.words.map((word) => shown(word)).join(" ")),
      h("td", { "data-label": "Client" }, entry.clientName || entry.client || "–"),
    ),
  );
  const heads = h("tr", {}, h("th", {}, "When"), h("th", { class: "right" }, "Took"), h("th", {}, "Command"), h("th", {}, "Client"));
  const body = h("table", { class: "plain stack" }, h("thead", {}, heads), h("tbody", {}, rows));
  const title = log.length > log.entries.length ? `The newest ${count(log.entries.length)} of ${count(log.length)}` : plural(log.length, "slow command");
  return [bar, panel(title, body)];
}
