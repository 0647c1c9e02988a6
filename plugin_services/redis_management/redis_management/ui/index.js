// The Redis manager's page: mount(root, host) is what the console calls.

import { Api } from "./api.js";
import { clientsView } from "./clients.js";
import { fill, h, icon } from "./dom.js";
import { keysView } from "./keys.js";
import { overviewView } from "./overview.js";
import { empty, loading, retrying } from "./parts.js";
import { parseRoute, VIEWS, writeRoute } from "./route.js";
import { shortcuts } from "./shortcuts.js";
import { slowLogView } from "./slow_log.js";

const MAKERS = { overview: overviewView, keys: keysView, "slow-log": slowLogView, clients: clientsView };

class Page {
  constructor(root, host) {
    Object.assign(this, { root, host, api: new Api(host), connection: null, view: null });
    this.route = parseRoute(host.path);
    this.main = h("main", { class: "view" });
    this.head = h("header", { class: "head" });
    fill(root, h("div", { class: "redis" }, this.head, this.main));
    this.offPath = host.onPath((path) => this.follow(path));
    this.offKeys = shortcuts(this);
  }

  get writable() {
    return this.connection !== null && !this.connection.readOnly;
  }

  async start(tries = 0) {
    const mark = (this.main.current = {});
    if (!tries) fill(this.main, loading("Asking the plugin…"));
    try {
      const connection = await this.api.get("/connection");
      if (this.main.current !== mark) return;
      this.connection = connection;
    } catch (error) {
      if (this.main.current !== mark) return;
      const again = (failed) => this.start(failed);
      fill(this.main, error.kind === "not-configured" ? this.unconfigured() : retrying(error, again, tries));
      return;
    }
    this.show();
  }

  unconfigured() {
    return empty(
      "Which Redis?",
      "Open this plugin's settings in the console and enter the address, for example redis://127.0.0.1:6379/0.",
    );
  }

  /** Go to a view; `quiet` changes the address only. */
  go(view, params = {}, { quiet = false } = {}) {
    const database = this.route.params.database;
    this.route = { view, params: { database, ...params } };
    this.host.navigate(writeRoute(this.route));
    if (!quiet) this.show();
  }

  follow(path) {
    if (path === writeRoute(this.route)) return;
    this.route = parseRoute(path);
    if (this.connection) this.show();
  }

  show() {
    const { view, params } = this.route;
    this.api.database = params.database ?? null;
    this.drawHead();
    this.view?.leave?.();
    fill(this.main);
    this.main.dataset.view = view;
    this.view = MAKERS[view](this, this.main, params);
  }

  drawHead() {
    const { address, readOnly, username } = this.connection;
    const tabs = Object.entries(VIEWS).map(([view, label]) =>
      h(
        "button",
        {
          type: "button",
          class: "tab",
          "aria-current": view === this.route.view ? "page" : false,
          onclick: () => this.go(view),
        },
        label,
      ),
    );
    fill(
      this.head,
      h("nav", { class: "tabs", "aria-label": "Views" }, tabs),
      h(
        "div",
        { class: "where" },
        readOnly && h("span", { class: "badge warn", title: "Set in the plugin's settings" }, icon("lock"), "Read only"),
        h("span", { class: "badge", title: username ? `as user ${username}` : "Redis" }, address),
        this.databaseField(),
      ),
    );
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

  /** Says that something was done. */
  done(text) {
    this.host.notify(text, { kind: "success" });
  }

  failed(error) {
    this.host.notify(error.hint ? `${error.message} ${error.hint}` : error.message, { kind: "error" });
  }

  /** Asks before something is lost. */
  sure(text, accept) {
    return this.host.confirm(text, { accept, danger: true });
  }

  unmount() {
    this.main.current = null;
    this.view?.leave?.();
    this.offPath();
    this.offKeys();
    fill(this.root);
  }
}

/** Shows the page in `root`; `host` is the console's bridge. */
export function mount(root, host) {
  const page = new Page(root, host);
  page.start();
  return { unmount: () => page.unmount() };
}
