// The MinIO manager's page: mount(root, host) is what the console calls.

import { accessView } from "./access.js";
import { bucketsView } from "./buckets.js";
import { ConnectionsShell, mounting } from "./kit/connections.js";
import { h } from "./kit/dom.js";
import { empty } from "./kit/parts.js";
import { objectsView } from "./objects.js";
import { serverView } from "./server.js";

class Page extends ConnectionsShell {
  static views = {
    buckets: { label: "Buckets", make: bucketsView },
    objects: { label: "Objects", make: objectsView, wide: true },
    access: { label: "Access", make: accessView },
    server: { label: "Server", make: serverView },
  };

  static home = "buckets";

  static help = [
    ["/", "search"],
    ["n", "new bucket, user, group, policy, access key; in objects: upload"],
    ["Enter", "open the folder or object"],
    ["Backspace", "to the folder above"],
    ["Esc", "close what is open"],
    ["r", "load again"],
    ["Del", "delete what is open"],
  ];

  unconfigured() {
    return empty(
      "Which MinIO?",
      "Open this plugin's settings in the console and add a connection: a name, the address of the server's S3 API, an access key and its secret key.",
    );
  }

  where() {
    const { address, accessKey } = this.connection;
    return [
      h("span", { class: "badge address", title: accessKey ? `as ${accessKey}` : "without an access key" }, address),
      this.connectionChoice(),
      this.testButton(),
    ];
  }

  tested(result) {
    return `${super.tested(result)}${result.administration ? "" : " This access key may not administer it: buckets and objects only."}`;
  }
}

export const mount = mounting(Page);
