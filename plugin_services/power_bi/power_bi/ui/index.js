// The Power BI manager's page: mount(root, host) is what the console calls.

import { dashboardsView } from "./dashboards.js";
import { datasetsView } from "./datasets.js";
import { ConnectionsShell, mounting } from "./kit/connections.js";
import { h } from "./kit/dom.js";
import { empty } from "./kit/parts.js";
import { reportsView } from "./reports.js";
import { workspacesView } from "./workspaces.js";

class Page extends ConnectionsShell {
  static views = {
    workspaces: { label: "Workspaces", make: workspacesView },
    reports: { label: "Reports", make: reportsView },
    dashboards: { label: "Dashboards", make: dashboardsView },
    datasets: { label: "Datasets", make: datasetsView },
  };

  static kept = ["connection", "workspace"];

  static home = "workspaces";

  static help = [
    ["/", "search"],
    ["Esc", "back to the list"],
    ["r", "load again"],
    ["f", "in a dataset: refresh its data"],
  ];

  unconfigured() {
    return empty(
      "Which Power BI?",
      "Open this plugin's settings in the console and add a connection: a name, the tenant, and client ID and secret of a service principal.",
    );
  }

  prepare(params) {
    super.prepare(params);
    this.workspace = params.workspace;
  }

  where() {
    const { address, tenant } = this.connection;
    return [
      h("span", { class: "badge address", title: `tenant ${tenant}` }, address),
      this.connectionChoice(),
      this.testButton(),
    ];
  }
}

export const mount = mounting(Page);
