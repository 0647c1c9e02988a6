// The MinIO manager's page: mount(root, host) is what the console calls.

import { accessView } from "./access.js";
import { bucketsView } from "./buckets.js";
import { h } from "./kit/dom.js";
import { button, choice, empty } from "./kit/parts.js";
import { Shell } from "./kit/shell.js";
import { objectsView } from "./objects.js";
import { serverView } from "./server.js";

class Page extends Shell {
  static views = {
    buckets: { label: "Buckets", make: bucketsView },
    objects: { label: "Objects", make: objectsView, wide: true },
    access: { label: "Access", make: accessView },
    server: { label: "Server", make: serverView },
  };

  static kept = ["connection"];

  static help = [
    ["/", "search"],
    ["n", "new bucket, user, group, policy, access key; in objects: upload"],
    ["Enter", "open the folder or object"],
    ["Backspace", "to the folder above"],
    ["Esc", "close what is open"],
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
      "Which MinIO?",
      "Open this plugin's settings in the console and add a connection: a name, the address of the server's S3 API, an access key and its secret key.",
    );
  }

  prepare(params) {
    this.connection = this.chosen(params.connection);
    this.api.always = { connection: this.connection.name };
  }

  where() {
    const { name, address, accessKey } = this.connection;
    const names = Object.fromEntries(this.connections.map((one) => [one.name, one.name]));
    const select = choice(names, name, (chosen) => {
      this.route.params = { connection: chosen === this.first ? undefined : chosen };
      this.go("buckets");
    });
    select.setAttribute("aria-label", "Connection");
    return [
      h("span", { class: "badge address", title: accessKey ? `as ${accessKey}` : "without an access key" }, address),
      this.connections.length > 1 && h("span", { class: "connection" }, select),
      button("Test", () => this.test(), { kind: "quiet", title: "Test the connection" }),
    ];
  }

  async test() {
    try {
      const { ok, message, hint, milliseconds, administration } = await this.api.post("/connection/test");
      const limits = administration ? "" : " This access key may not administer it: buckets and objects only.";
      if (ok) this.done(`${message} (${milliseconds} ms)${limits}`);
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
