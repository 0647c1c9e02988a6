// The Redis manager's page: mount(root, host) is what the console calls.

import { clientsView } from "./clients.js";
import { keysView } from "./keys.js";
import { h } from "./kit/dom.js";
import { empty } from "./kit/parts.js";
import { Shell } from "./kit/shell.js";
import { overviewView } from "./overview.js";
import { slowLogView } from "./slow_log.js";

class Page extends Shell {
  static views = {
    overview: { label: "Overview", make: overviewView },
    keys: { label: "Keys", make: keysView, wide: true },
    "slow-log": { label: "Slow log", make: slowLogView },
    clients: { label: "Clients", make: clientsView },
  };

  static kept = ["database"];

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

  connect() {
    return this.api.get("/connection");
  }

  unconfigured() {
    return empty(
      "Which Redis?",
      "Open this plugin's settings in the console and enter the address, for example redis://127.0.0.1:6379/0.",
    );
  }

  prepare(params) {
    this.api.always = { database: params.database || undefined };
  }

  where() {
    const { address, username } = this.connection;
    return [h("span", { class: "badge", title: username ? `as user ${username}` : "Redis" }, address), this.databaseField()];
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

/** Shows the page in `root`; `host` is the console's bridge. */
export function mount(root, host) {
  const page = new Page(root, host);
  page.start();
  return { unmount: () => page.unmount() };
}
