// The reports of a workspace, and one of them as it is.

import { inside } from "./api.js";
import { reportFrame } from "./frame.js";
import { h } from "./kit/dom.js";
import { button } from "./kit/parts.js";
import { chooseWorkspace, detailsView, List, workspaceHead } from "./list.js";

export function reportsView(page, place, params) {
  if (!page.workspace) return chooseWorkspace(page, place);
  if (params.report) return reportDetails(page, place, params.report);
  const list = new List(page, place, params, {
    view: "reports", path: inside(page, "reports"), field: "reports", one: "report", many: "reports", head: workspaceHead(page),
    back: () => page.go("workspaces"),
    nothing: (search) => (search ? ["No report matches", "Search for another part of the name."] : ["No reports here", "This workspace has none."]),
    columns: {
      Name: (one) => button(one.name, () => page.go("reports", { report: one.id }), { kind: "link" }),
      Kind: (one) => (paginated(one) ? "paginated" : "report"),
      Dataset: (one) => one.datasetId && button("its dataset", () => page.go("datasets", { dataset: one.datasetId }), { kind: "link", title: `Dataset of ${one.name}`, about: one.name }),
      "In Power BI": (one) => elsewhere(page, one),
    },
  });
  return list;
}

const paginated = ({ kind }) => kind === "PaginatedReport";

export function elsewhere(page, { name, webUrl }) {
  return webUrl ? button("open", () => page.host.openLink(webUrl).catch(() => {}), { kind: "link", title: `Open ${name} in Power BI`, about: `${name} in Power BI` }) : h("span", { class: "muted" }, "–");
}

function reportDetails(page, place, id) {
  let frame = null;
  const view = detailsView(place, () => page.go("reports"), () => page.api.get(inside(page, `reports/${id}`)), (report, again) => {
    frame?.leave();
    frame = reportFrame(page, report);
    return {
      title: report.name,
      actions: [
        button("", () => again(false), { symbol: "refresh", title: "Load again (r)" }),
        report.webUrl && button("Open in Power BI", () => page.host.openLink(report.webUrl).catch(() => {})),
      ],
      content: frame.element,
    };
  });
  return { ...view, leave: () => frame?.leave() };
}
