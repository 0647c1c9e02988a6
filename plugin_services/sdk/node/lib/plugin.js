/** What an author says of a plugin, and what of it changes while it runs. */

import { fileURLToPath } from "node:url";

import { AppServer } from "./app-server.js";
import { NotConfigured, PluginMisdefined } from "./errors.js";
import { Metrics } from "./metrics.js";
import { TypedServices } from "./typed.js";

const DEFAULTS = {
  name: "",
  description: "",
  handler: null,
  openapi: null,
  settings: null,
  settingsVersion: 1,
  settingsReadsFrom: undefined,
  migrate: null,
  onCheck: null,
  onConfigure: null,
  onStop: null,
  restartOnSettingsChange: false,
  ui: null,
  uiEntry: "index.js",
  uiStyles: [],
  uiType: "static",
  permissions: {},
  routes: [],
  limits: null,
  dataPolicy: {},
  typed: null,
};

/** See README.md for the options. Throws PluginMisdefined. */
export class Plugin {
  #settings = null;

  constructor(options) {
    const unknown = Object.keys(options).filter((name) => !(name in DEFAULTS) && name !== "id" && name !== "version");
    if (unknown.length) throw new PluginMisdefined(`Plugin knows no option '${unknown[0]}'`);
    const given = { ...DEFAULTS, ...options };
    if (!/^[a-z][a-z0-9-]{1,62}$/.test(given.id)) throw new PluginMisdefined(`'${given.id}' is no plugin id`);
    if (typeof given.version !== "string") throw new PluginMisdefined("'version' is missing");
    given.name ||= given.id;
    given.settingsReadsFrom ??= given.settingsVersion;
    given.permissions = { egress: [], volumes: [], origins: [], ...given.permissions };
    if (given.ui instanceof URL) given.ui = fileURLToPath(given.ui);
    this.options = Object.freeze(given);
    /** For the SDK: the services of `typed`, or null. */
    this.typed = given.typed && new TypedServices(given.typed);
    this.metrics = new Metrics();
    /** An ordinary http.Server that never listens: the gateway's calls are its connections. */
    this.server = new AppServer(given.handler);
  }

  /** The registry of prom-client for metrics of your own. */
  get registry() {
    return this.metrics.registry;
  }

  get configured() {
    return this.#settings !== null;
  }

  /** What is in force; throws NotConfigured before that. */
  get settings() {
    if (!this.configured) throw new NotConfigured("no settings are in force yet");
    return this.#settings;
  }

  /** For the SDK: put judged settings into force. */
  take(settings) {
    this.#settings = Object.freeze(settings);
  }
}
