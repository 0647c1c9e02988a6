// The Power BI manager's page: mount(root, host) is what the console calls.

import { dashboardsView } from "./dashboards.js";
import { datasetsView } from "./datasets.js";
import { h } from "./kit/dom.js";
import { button, choice, empty } from "./kit/parts.js";
import { Shell } from "./kit/shell.js";
import { reportsView } from "./reports.js";
import { workspacesView } from "./workspaces.js";

class Page extends Shell {
  static views = {
    workspaces: { label: "Workspaces", make: workspacesView },
    reports: { label: "Reports", make: reportsView },
    dashboards: { label: "Dashboards", make: dashboardsView },
    datasets: { label: "Datasets", make: datasetsView },
  };

  static kept = ["connection", "workspace"];

  static help = [
    ["/", "search"],
    ["Esc", "back to the list"],
    ["r", "load again"],
    ["f", "in a dataset: refresh its data"],
  ];

  async connect() {
    const { connections, default: first } = await this.api.get("/connections");
    this.connections = connections;
    this.first = first;
    return this.chosen(this.route.params.connection);
  }

  chosen(name) {
    const find = (wanted) => this.connections.find((one) => one.name === wanted);
    return find(name) ?? find(this.first);
  }

  unconfigured() {
    return empty(
      "Which Power BI?",
      "Open this plugin's settings in the console and add a connection: a name, the tenant, and client ID and secret of a service principal.",
    );
  }

  prepare(params) {
    this.connection = this.chosen(params.connection);
    this.workspace = params.workspace;
    this.api.always = { connection: this.connection.name };
  }

  where() {
    const { name, address, tenant } = this.connection;
    const names = Object.fromEntries(this.connections.map((one) => [one.name, one.name]));
    const select = choice(names, name, (chosen) => {
      this.route.params = { connection: chosen === this.first ? undefined : chosen };
      this.go("workspaces");
    });
    select.setAttribute("aria-label", "Connection");
    return [
      h("span", { class: "badge address", title: `tenant ${tenant}` }, address),
      this.connections.length > 1 && h("span", { class: "connection" }, select),
      button("Test", () => this.test(), { kind: "quiet", title: "Test the connection" }),
    ];
  }

  async test() {
    try {
      const { ok, message, hint, milliseconds } = await this.api.post("/connection/test");
      if (ok) this.done(`${message} (${milliseconds} ms)`);
      else this.failed({ message, hint });
    } catch (error) {
      this.failed(error);
    }
  }
}

/** Shows the page in `root`; `host` is the console's bridge. */
export function mount(root, host) {
  const page = new Page(root, host);
  page.start();
  return { unmount: () => page.unmount() };
}
