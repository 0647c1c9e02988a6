// A page with tabs: what is the same for every plugin that manages a server.

import { Api } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { loading, retrying } from "./parts.js";
import { parseRoute, writeRoute } from "./route.js";
import { shortcuts } from "./shortcuts.js";

/**
 * Subclasses give
 * - `static views`: {key: {label, make, wide}}, where make(page, place, params) shows a view in the place and
 *   returns {leave(), key(event)}, both optional;
 * - `static kept`: names of what stays in the address from view to view;
 * - `static help`: keys of the keyboard, [key, what it does];
 * - `connect()`: asks the plugin what it is connected to; `unconfigured()`: what to show where it is to nothing;
 * - `where()`: elements that say so, beside the tabs; `prepare(params)`: before a view is shown.
 */
export class Shell {
  static kept = [];
  static help = [];

  constructor(root, host) {
    Object.assign(this, { root, host, api: new Api(host), connection: null, view: null });
    const known = this.constructor.views;
    this.views = Object.keys(known);
    this.labels = Object.fromEntries(this.views.map((view) => [view, known[view].label]));
    this.route = parseRoute(host.path, this.views);
    this.main = h("main", { class: "view" });
    this.head = h("header", { class: "head" });
    fill(root, h("div", { class: "pw" }, this.head, this.main));
    this.offPath = host.onPath((path) => this.follow(path));
    this.offKeys = shortcuts(this, this.constructor.help);
  }

  get writable() {
    return this.connection !== null && !this.connection.readOnly;
  }

  async start(tries = 0) {
    const mark = (this.main.current = {});
    if (!tries) fill(this.main, loading("Asking the plugin…"));
    try {
      const connection = await this.connect();
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

  /** Go to a view; `quiet` changes the address only. */
  go(view, params = {}, { quiet = false } = {}) {
    const kept = Object.fromEntries(this.constructor.kept.map((name) => [name, this.route.params[name]]));
    this.route = { view, params: { ...kept, ...params } };
    this.host.navigate(writeRoute(this.route));
    if (!quiet) this.show();
  }

  follow(path) {
    if (path === writeRoute(this.route)) return;
    this.route = parseRoute(path, this.views);
    if (this.connection) this.show();
  }

  show() {
    const { view, params } = this.route;
    const { make, wide } = this.constructor.views[view];
    this.prepare(params);
    this.drawHead();
    this.view?.leave?.();
    // What the view before has asked for comes too late.
    this.main.current = null;
    fill(this.main);
    this.main.dataset.view = view;
    this.main.toggleAttribute("data-wide", Boolean(wide));
    this.view = make(this, this.main, params);
  }

  prepare() {}

  drawHead() {
    const tabs = this.views.map((view) =>
      h(
        "button",
        {
          type: "button",
          class: "tab",
          "aria-current": view === this.route.view ? "page" : false,
          onclick: () => this.go(view),
        },
        this.labels[view],
      ),
    );
    const readOnly = this.connection.readOnly;
    fill(
      this.head,
      h("nav", { class: "tabs", "aria-label": "Views" }, tabs),
      h(
        "div",
        { class: "where" },
        readOnly && h("span", { class: "badge warn", title: "Set in the plugin's settings" }, icon("lock"), "Read only"),
        this.where(),
      ),
    );
    // On a phone the tabs are wider than the page.
    this.head.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
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
