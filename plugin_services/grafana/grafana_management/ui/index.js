// The Grafana manager's page: mount(root, host) is what the console calls.

import { alertsView } from "./alerts.js";
import { dashboardsView } from "./dashboards.js";
import { ConnectionsShell, mounting } from "./kit/connections.js";
import { h } from "./kit/dom.js";
import { choice, empty } from "./kit/parts.js";
import { organisationsView } from "./organisations.js";
import { peopleView } from "./people.js";
import { snapshotsView } from "./snapshots.js";
import { sourcesView } from "./sources.js";

class Page extends ConnectionsShell {
  static views = {
    dashboards: { label: "Dashboards", make: dashboardsView },
    alerts: { label: "Alerts", make: alertsView },
    sources: { label: "Data sources", make: sourcesView },
    people: { label: "People", make: peopleView },
    snapshots: { label: "Snapshots", make: snapshotsView },
    organisations: { label: "Organisations", make: organisationsView },
  };

  static kept = ["connection", "organisation"];

  static home = "dashboards";

  static help = [
    ["/", "search"],
    ["n", "new: import, silence, user, team, organisation"],
    ["Esc", "close what is open, back to the list"],
    ["r", "load again"],
    ["Del", "delete what is open"],
  ];

  unconfigured() {
    return empty(
      "Which Grafana?",
      "Open this plugin's settings in the console and add a connection: a name, the server's address, and a service account token or a user and a password.",
    );
  }

  prepare(params) {
    const before = this.asked;
    super.prepare(params);
    this.api.always.organisation = params.organisation;
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
    const { address, login } = this.connection;
    return [
      h("span", { class: "badge address", title: login ? `as ${login}` : "without a login" }, address),
      this.organisations?.length > 1 && this.organisationChoice(),
      this.connectionChoice(),
      this.testButton(),
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

  tested({ message, milliseconds, version, organisation, administration }) {
    const limits = administration ? "" : " This login sees its organisation only.";
    return `${message} Version ${version}, organisation ${organisation} (${milliseconds} ms).${limits}`;
  }
}

export const mount = mounting(Page);
