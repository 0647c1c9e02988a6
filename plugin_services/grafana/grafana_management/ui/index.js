// The Grafana manager's page: mount(root, host) is what the console calls.

import { alertsView } from "./alerts.js";
import { dashboardsView } from "./dashboards.js";
import { h } from "./kit/dom.js";
import { button, choice, empty } from "./kit/parts.js";
import { Shell } from "./kit/shell.js";
import { organisationsView } from "./organisations.js";
import { peopleView } from "./people.js";
import { snapshotsView } from "./snapshots.js";
import { sourcesView } from "./sources.js";

class Page extends Shell {
  static views = {
    dashboards: { label: "Dashboards", make: dashboardsView },
    alerts: { label: "Alerts", make: alertsView },
    sources: { label: "Data sources", make: sourcesView },
    people: { label: "People", make: peopleView },
    snapshots: { label: "Snapshots", make: snapshotsView },
    organisations: { label: "Organisations", make: organisationsView },
  };

  static kept = ["connection", "organisation"];

  static help = [
    ["/", "search"],
    ["n", "new: import, silence, user, team, organisation"],
    ["Esc", "close what is open, back to the list"],
    ["r", "load again"],
    ["Del", "delete what is open"],
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
      "Which Grafana?",
      "Open this plugin's settings in the console and add a connection: a name, the server's address, and a service account token or a user and a password.",
    );
  }

  prepare(params) {
    const before = this.asked;
    this.connection = this.chosen(params.connection);
    this.api.always = { connection: this.connection.name, organisation: params.organisation };
    this.asked = this.connection.name;
    if (before !== this.asked) this.learnOrganisations();
  }

  /** Which there are to choose from; without them the page is about the login's own. */
  async learnOrganisations() {
    this.organisations = [];
    const { name } = this.connection;
    try {
      const found = await this.api.get("/organisations", { organisation: undefined, limit: 200 });
      if (this.connection.name !== name) return;
      this.organisations = found.organisations;
      this.current = found.current;
      if (this.organisations.length > 1) this.drawHead();
    } catch {
      // The view that is open says what is wrong.
    }
  }

  where() {
    const { name, address, login } = this.connection;
    return [
      h("span", { class: "badge address", title: login ? `as ${login}` : "without a login" }, address),
      this.organisations?.length > 1 && this.organisationChoice(),
      this.connections.length > 1 && this.connectionChoice(name),
      button("Test", () => this.test(), { kind: "quiet", title: "Test the connection" }),
    ];
  }

  organisationChoice() {
    const names = Object.fromEntries(this.organisations.map((one) => [one.id, one.name]));
    const select = choice(names, String(this.route.params.organisation ?? this.current), (chosen) => {
      this.route.params = { connection: this.route.params.connection, organisation: chosen };
      this.go(this.route.view);
    });
    select.setAttribute("aria-label", "Organisation");
    return h("span", { class: "connection" }, select);
  }

  connectionChoice(name) {
    const names = Object.fromEntries(this.connections.map((one) => [one.name, one.name]));
    const select = choice(names, name, (chosen) => {
      this.route.params = { connection: chosen === this.first ? undefined : chosen };
      this.go("dashboards");
    });
    select.setAttribute("aria-label", "Connection");
    return h("span", { class: "connection" }, select);
  }

  async test() {
    try {
      const { ok, message, hint, milliseconds, version, organisation, administration } = await this.api.post("/connection/test");
      const limits = administration ? "" : " This login sees its organisation only.";
      if (ok) this.done(`${message} Version ${version}, organisation ${organisation} (${milliseconds} ms).${limits}`);
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
