// A page about servers that are set as connections by name, of which one is looked at.

import { h } from "./dom.js";
import { button, choice } from "./parts.js";
import { Shell } from "./shell.js";

/**
 * The plugin answers /connections with {connections: [{name, readOnly}], default}, and /connection/test with
 * {ok, message, hint, milliseconds}. Subclasses give what `Shell` asks for, without `connect()`, and
 * - `home`, the view that another connection is shown in; null to stay in the view;
 * - `tested(result)`: how a test that went well is told, where more than the message is to be said.
 */
export class ConnectionsShell extends Shell {
  static kept = ["connection"];
  static home = null;

  async connect() {
    const { connections, default: first } = await this.api.get("/connections");
    this.connections = connections;
    this.first = first;
    return this.chosen(this.route.params.connection);
  }

  /** The connection of that name, or the default. */
  chosen(name) {
    const find = (wanted) => this.connections.find((one) => one.name === wanted);
    return find(name) ?? find(this.first);
  }

  prepare({ connection }) {
    this.connection = this.chosen(connection);
    this.api.always = { connection: this.connection.name };
  }

  /** A choice, where there are several. */
  connectionChoice() {
    if (this.connections.length < 2) return null;
    const names = Object.fromEntries(this.connections.map(({ name }) => [name, name]));
    const select = choice(names, this.connection.name, (chosen) => {
      this.route.params = { connection: chosen === this.first ? undefined : chosen };
      this.go(this.constructor.home ?? this.route.view);
    });
    select.setAttribute("aria-label", "Connection");
    return h("span", { class: "connection" }, select);
  }

  testButton() {
    return button("Test", () => this.test(), { kind: "quiet", title: "Test the connection" });
  }

  tested({ message, milliseconds }) {
    return `${message} (${milliseconds} ms)`;
  }

  async test() {
    try {
      const result = await this.api.post("/connection/test");
      if (result.ok) this.done(this.tested(result));
      else this.failed(result);
    } catch (error) {
      this.failed(error);
    }
  }
}

/** What the console calls: shows a page of `Page` in `root`; `host` is the console's bridge. */
export function mounting(Page) {
  return (root, host) => {
    const page = new Page(root, host);
    page.start();
    return { unmount: () => page.unmount() };
  };
}
