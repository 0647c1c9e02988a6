// The Redis manager's page: mount(root, host) is what the console calls.

import { clientsView } from "./clients.js";
import { configurationView } from "./configuration.js";
import { consoleView } from "./console.js";
import { keysView } from "./keys.js";
import { ConnectionsShell, mounting } from "./kit/connections.js";
import { h } from "./kit/dom.js";
import { button, empty } from "./kit/parts.js";
import { liveView } from "./live.js";
import { memoryView } from "./memory.js";
import { nodeBadge } from "./nodes.js";
import { overviewView } from "./overview.js";
import { slowLogView } from "./slow_log.js";
import { usersView } from "./users.js";

class Page extends ConnectionsShell {
  static views = {
    overview: { label: "Overview", make: overviewView },
    keys: { label: "Keys", make: keysView, wide: true },
    memory: { label: "Memory", make: memoryView },
    live: { label: "Live", make: liveView },
    "slow-log": { label: "Slow log", make: slowLogView },
    clients: { label: "Clients", make: clientsView },
    console: { label: "Console", make: consoleView },
    configuration: { label: "Configuration", make: configurationView },
    users: { label: "Users", make: usersView },
  };

  static kept = ["connection", "database", "node"];

  static help = [
    ["/", "search"],
    ["j k or ↓ ↑", "next, previous key in the list"],
    ["Enter", "open the key"],
    ["Space", "select the key"],
    ["Esc", "close the key"],
    ["n", "new key"],
    ["r", "load again"],
    ["Del", "delete the open key"],
  ];

  unconfigured() {
    return empty(
      "Which Redis?",
      "Open this plugin's settings in the console and add a connection: a name and an address, for example redis://127.0.0.1:6379/0.",
      button("Look again", () => this.start(), { symbol: "refresh" }),
    );
  }

  prepare(params) {
    super.prepare(params);
    const node = this.connection.kind === "cluster" ? params.node : undefined;
    Object.assign(this.api.always, { database: params.database || undefined, node });
  }

  where() {
    const { address, username } = this.connection;
    return [
      h("span", { class: "badge address", title: username ? `as user ${username}` : "as the default user" }, address),
      this.connectionChoice(),
      nodeBadge(this),
      this.connection.kind !== "cluster" && this.databaseField(),
      this.testButton(),
    ];
  }

  databaseField() {
    const now = this.route.params.database ?? this.connection.database;
    const input = h("input", { class: "input number", type: "number", min: 0, max: 65535, value: now, "aria-label": "Database" });
    input.addEventListener("change", () => {
      const chosen = input.value === String(this.connection.database) ? undefined : input.value;
      this.route.params = { ...this.route.params, database: chosen, key: undefined, keyEncoding: undefined };
      this.go(this.route.view, this.route.params);
    });
    return h("label", { class: "database" }, "db", input);
  }
}

export const mount = mounting(Page);
