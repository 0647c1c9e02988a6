/** A plugin's gRPC server: the contract, health and reflection on one address. */

import { lstatSync, readFileSync, unlinkSync } from "node:fs";
import { join, resolve } from "node:path";

import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";

import { Calls } from "./calls.js";
import { contract, PluginService } from "./contract.js";
import { PlugwayError } from "./errors.js";
import { Service } from "./service.js";

const OPTIONS = {
  "grpc.max_receive_message_length": 8 * 2 ** 20,
  "grpc.max_send_message_length": -1,
  // The plugin notices a gateway that vanished without a word.
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 20_000,
};
/** Milliseconds for the last bytes of calls that Drain has decided about. */
const LAST_BYTES = 200;

/** One server over one plugin. Constructing starts nothing. `listen` is as PLUGWAY_LISTEN, `tls` as PLUGWAY_TLS. */
export class PluginServer {
  #plugin;
  #listen;
  #tls;
  #names;
  #health;
  #grpc = new Server(OPTIONS);
  #calls = new Calls();

  constructor(plugin, listen, { tls = "", instanceId = "" } = {}) {
    this.#plugin = plugin;
    this.#listen = listen;
    this.#tls = tls;
    this.#names = [...new Set(["", plugin.options.id, instanceId])];
    this.#health = new HealthImplementation(this.#statuses("SERVING"));
    const host = { server: plugin.server, calls: this.#calls, metrics: plugin.metrics };
    plugin.metrics.open = () => this.#calls.size;
    this.#calls.onDraining = () => this.#tell("NOT_SERVING");
    const service = new Service(plugin, host, instanceId);
    this.#grpc.addService(PluginService, service.methods());
    plugin.typed?.addTo(this.#grpc, host, service.missing);
    this.#health.addToServer(this.#grpc);
    const services = ["plugway.plugin.v1.PluginService", ...(plugin.typed?.names ?? [])];
    new ReflectionService({ ...plugin.typed?.definitions, ...contract }, { services }).addToServer(this.#grpc);
  }

  /** Throws PlugwayError where it cannot listen. */
  async start() {
    const address = this.#address();
    const credentials = this.#credentials();
    await new Promise((done, refuse) => {
      this.#grpc.bindAsync(address, credentials, (error) => {
        if (error) refuse(new PlugwayError(`cannot listen on ${address}: ${error.message}`));
        else done();
      });
    });
    return address;
  }

  /** Drain for `grace` milliseconds, cut what is left, run the author's onStop. */
  async stop(grace = 0) {
    await this.#calls.drain(grace, grace);
    const over = new Promise((done) => this.#grpc.tryShutdown(done));
    const timer = setTimeout(() => this.#grpc.forceShutdown(), LAST_BYTES);
    await over;
    clearTimeout(timer);
    await this.#plugin.options.onStop?.();
  }

  #statuses(status) {
    return Object.fromEntries(this.#names.map((name) => [name, status]));
  }

  #tell(status) {
    for (const name of this.#names) this.#health.setStatus(name, status);
  }

  #address() {
    if (this.#listen.startsWith("unix:") && this.#listen.length > 5) {
      const path = resolve(this.#listen.slice(5));
      removeStale(path);
      return `unix:${path}`;
    }
    if (/^tcp:.+:\d+$/.test(this.#listen)) return this.#listen.slice(4);
    throw new PlugwayError(`PLUGWAY_LISTEN is '${this.#listen}'; expected unix:/path or tcp:host:port`);
  }

  /** With TLS, only clients of the given authority are let in. */
  #credentials() {
    if (!this.#tls || this.#listen.startsWith("unix:")) return ServerCredentials.createInsecure();
    try {
      const [ca, cert, key] = ["ca", "cert", "key"].map((name) => readFileSync(join(this.#tls, `${name}.pem`)));
      return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], true);
    } catch (error) {
      throw new PlugwayError(`PLUGWAY_TLS cannot be used: ${error.message}`, { cause: error });
    }
  }
}

/** A process that was killed leaves its socket behind. */
function removeStale(path) {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path);
}
