// Redis' configuration: found by name, changed one setting at a time.

import { act } from "./act.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { plural } from "./kit/format.js";
import { button, empty, field, into, panel } from "./kit/parts.js";
import { searchForm, searchInput } from "./kit/search.js";

export function configurationView(page, place, params) {
  const search = searchInput("Part of the name, e.g. memory", { value: params.search ?? "", label: "Setting" });
  const list = h("div");
  const load = (quiet = false) =>
    into(list, async () => {
      const text = search.value.trim().toLowerCase();
      const { settings } = await page.api.get("/configuration", { pattern: text ? `*${text}*` : "*" });
      return settings.length ? table(page, settings, load) : empty("No setting matches", "Try a part of its name.");
    }, { quiet });
  const rewrite = () =>
    act(page, {
      words: "Write what is in force into Redis' configuration file? What its file says otherwise is replaced.",
      accept: "Write the file",
      work: () => page.api.post("/configuration/rewrite"),
      done: "Redis has written its configuration file.",
    });
  const form = searchForm(
    search,
    () => load(),
    {},
    page.writable && button("Write the file", rewrite, { title: "CONFIG REWRITE: keep what is in force over a restart" }),
    button("", () => load(true), { symbol: "refresh", title: "Load again (r)" }),
  );
  fill(place, form, list);
  load();
  return { key: ({ key }) => (key === "/" ? (search.focus(), search.select(), true) : key === "r" && (load(true), true)) };
}

function table(page, settings, load) {
  const rows = settings.map((setting) =>
    h(
      "tr",
      {},
      h("td", { "data-label": "Setting", class: "code" }, setting.name, setting.risk && h("span", { class: "badge warn" }, "with care")),
      h("td", { "data-label": "Value", class: "code" }, setting.secret ? h("span", { class: "muted" }, setting.isSet ? "set, not shown" : "not set") : setting.value || h("span", { class: "muted" }, "(empty)")),
      h("td", { class: "row-actions" }, page.writable && button("", () => change(page, setting, load), { symbol: "edit", kind: "quiet", title: `Change ${setting.name}` })),
    ),
  );
  const head = h("tr", {}, ["Setting", "Value"].map((name) => h("th", {}, name)), h("th", {}, h("span", { class: "unseen" }, "Change")));
  return panel(plural(settings.length, "setting"), h("table", { class: "plain stack" }, h("thead", {}, head), h("tbody", {}, rows)));
}

async function change(page, setting, load) {
  const value = h("input", { class: "input code", type: setting.secret ? "password" : "text", value: setting.value ?? "", autocomplete: "new-password", spellcheck: "false" });
  const saved = await formDialog(page.root.firstChild, {
    title: `Change ${setting.name}`,
    accept: "Change it",
    danger: Boolean(setting.risk),
    body: [
      setting.risk && h("div", { class: "callout warn" }, setting.risk),
      field("Value", value, setting.secret ? "Empty for none. It is not shown again." : `Now: ${setting.value || "(empty)"}`),
      h("p", { class: "muted" }, "It is in force at once, and lost with a restart of Redis unless the file is written."),
    ],
    submit: () => page.api.put(`/configuration/settings/${setting.name}`, {}, { value: value.value, ifValue: setting.value ?? undefined }),
  });
  if (!saved) return;
  page.done(`Changed ${setting.name}.`);
  load(true);
}
