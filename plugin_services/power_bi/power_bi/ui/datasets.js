// The datasets of a workspace, and one of them: its refreshes, its schedule, and what it is made of.

import { inside, when } from "./api.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { button, facts, field, into, panel } from "./kit/parts.js";
import { chooseWorkspace, detailsView, List, workspaceHead } from "./list.js";
import { refreshPanel, startRefresh } from "./refreshes.js";
import { schedulePanel } from "./schedule.js";

export function datasetsView(page, place, params) {
  if (!page.workspace) return chooseWorkspace(page, place);
  if (params.dataset) return datasetDetails(page, place, params.dataset);
  return new List(page, place, params, {
    view: "datasets", path: inside(page, "datasets"), field: "datasets", one: "dataset", many: "datasets", head: workspaceHead(page),
    back: () => page.go("workspaces"),
    nothing: (search) => (search ? ["No dataset matches", "Search for another part of the name."] : ["No datasets here", "This workspace has none."]),
    columns: {
      Name: (one) => [button(one.name, () => page.go("datasets", { dataset: one.id }), { kind: "link" }), one.identityRequired && h("span", { class: "badge" }, "rows by person")],
      Owner: (one) => one.owner || "–",
      Data: (one) => (one.refreshable ? "refreshed" : h("span", { class: "muted" }, "read where it lies")),
      Made: (one) => h("span", { class: "muted" }, when(one.created)),
    },
  });
}

function datasetDetails(page, place, id) {
  const path = inside(page, `datasets/${id}`);
  let refreshes = null;
  const view = detailsView(place, () => page.go("datasets"), () => page.api.get(path), (dataset, again) => {
    refreshes?.leave();
    refreshes = dataset.refreshable ? refreshPanel(page, path) : null;
    const start = page.writable && dataset.refreshable && (async () => (await startRefresh(page, path, dataset)) && refreshes.load());
    return {
      title: dataset.name,
      keys: start ? { f: start } : {},
      actions: [
        start && button("Refresh…", start, { kind: "primary", title: "Refresh its data (f)" }),
        page.writable && button("Take over…", async () => (await takeOver(page, path, dataset)) && again(), { kind: "danger" }),
        dataset.webUrl && button("Open in Power BI", () => page.host.openLink(dataset.webUrl).catch(() => {})),
      ],
      content: [
        panel("Dataset", facts([
          ["Owner", dataset.owner || "–"],
          ["Data", dataset.refreshable ? "copied, by refreshes" : "read where it lies"],
          ["Rows", dataset.identityRequired ? "each person sees their own" : "the same for everyone"],
          ["Gateway", dataset.gatewayRequired ? "needs an on-premises one" : "none needed"],
          ["Made", when(dataset.created)],
        ])),
        refreshes?.element,
        dataset.refreshable && schedulePanel(page, path),
        partsPanel(page, path),
      ],
    };
  });
  return { ...view, leave: () => refreshes?.leave() };
}

function partsPanel(page, path) {
  const place = h("div");
  into(place, async () => {
    const { parameters, sources } = await page.api.get(`${path}/parts`);
    const source = ({ type, details }) => h("tr", {}, h("td", { "data-label": "Kind" }, type), h("td", { "data-label": "Where", class: "code" }, Object.entries(details).map(([name, value]) => `${name}: ${value}`).join(", ")));
    const parameter = ({ name, type, value, required }) => h("tr", {}, h("td", { "data-label": "Name", class: "code" }, name), h("td", { "data-label": "Kind" }, type, required && h("span", { class: "badge" }, "required")), h("td", { "data-label": "Value", class: "code" }, value ?? "–"));
    return [
      table("Data sources", ["Kind", "Where"], sources.map(source), "The service tells of none."),
      table("Parameters", ["Name", "Kind", "Value"], parameters.map(parameter), "It has none."),
    ];
  });
  return place;
}

function table(title, heads, rows, nothing) {
  if (!rows.length) return panel(title, h("p", { class: "muted" }, nothing));
  return panel(title, h("table", { class: "plain stack" }, h("thead", {}, h("tr", {}, heads.map((label) => h("th", {}, label)))), h("tbody", {}, rows)));
}

function takeOver(page, path, { name, owner }) {
  const typed = h("input", { class: "input", spellcheck: "false", autocapitalize: "off" });
  const words = h("p", {});
  fill(words, `The service principal becomes the owner instead of ${owner || "whoever is"}. Credentials of its data sources that the owner before entered are lost: refreshes fail until they are entered anew in Power BI.`);
  return formDialog(page.root.firstChild, {
    title: `Take over ${name}`,
    accept: "Take it over",
    danger: true,
    body: [words, field(`Type ${name} to confirm`, typed)],
    submit: async () => {
      if (typed.value !== name) throw new Error(`Type ${name} to confirm.`);
      await page.api.post(`${path}/take-over`, { confirm: typed.value });
      page.done(`The service principal owns ${name} now.`);
      return true;
    },
  });
}
