// The dashboards of a workspace, and the tiles of one of them.

import { inside } from "./api.js";
import { h } from "./kit/dom.js";
import { button } from "./kit/parts.js";
import { chooseWorkspace, List, workspaceHead } from "./list.js";
import { elsewhere } from "./reports.js";

export function dashboardsView(page, place, params) {
  if (!page.workspace) return chooseWorkspace(page, place);
  return params.dashboard ? tiles(page, place, params) : dashboards(page, place, params);
}

function dashboards(page, place, params) {
  return new List(page, place, params, {
    view: "dashboards", path: inside(page, "dashboards"), field: "dashboards", one: "dashboard", many: "dashboards", head: workspaceHead(page),
    back: () => page.go("workspaces"),
    nothing: (search) => (search ? ["No dashboard matches", "Search for another part of the name."] : ["No dashboards here", "This workspace has none."]),
    columns: {
      Name: (one) => [button(one.name, () => page.go("dashboards", { dashboard: one.id }), { kind: "link" }), one.readOnly && h("span", { class: "badge" }, "read only")],
      "In Power BI": (one) => elsewhere(page, one),
    },
  });
}

function tiles(page, place, params) {
  const back = () => page.go("dashboards");
  return new List(page, place, params, {
    view: "dashboards", kept: { dashboard: params.dashboard }, path: inside(page, `dashboards/${params.dashboard}/tiles`), field: "tiles", one: "tile", many: "tiles", back,
    head: button("", back, { symbol: "back", kind: "quiet", title: "Back to the dashboards" }),
    nothing: (search) => (search ? ["No tile matches", "Search for another part of the title."] : ["No tiles", "This dashboard is empty."]),
    columns: {
      Tile: (one) => one.title || h("span", { class: "muted" }, "without a title"),
      Report: (one) => (one.reportId ? button("its report", () => page.go("reports", { report: one.reportId }), { kind: "link", title: `Report of ${one.title}`, about: one.title }) : h("span", { class: "muted" }, "none")),
      Dataset: (one) => (one.datasetId ? button("its dataset", () => page.go("datasets", { dataset: one.datasetId }), { kind: "link", title: `Dataset of ${one.title}`, about: one.title }) : h("span", { class: "muted" }, "none")),
    },
  });
}
