/** What the SDK counts by itself, beside the author's own metrics. */

import { Counter, Gauge, Histogram, Registry } from "prom-client";

const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** One registry of prom-client in OpenMetrics; authors register their own metrics in it. */
export class Metrics {
  registry = new Registry(Registry.OPENMETRICS_CONTENT_TYPE);
  /** How many calls are open now. Set by the server. */
  open = () => 0;
  #calls;
  #seconds;

  constructor() {
    const registers = [this.registry];
    this.#calls = new Counter({
      name: "plugway_plugin_calls",
      help: "HTTP calls answered; class 0xx: the client left first.",
      labelNames: ["class"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "plugway_plugin_call_seconds",
      help: "Time the app took for an HTTP call that is no event stream.",
      buckets: BOUNDS,
      registers,
    });
    const metrics = this;
    new Gauge({
      name: "plugway_plugin_open_calls",
      help: "HTTP calls and WebSockets open now.",
      registers,
      collect() {
        this.set(metrics.open());
      },
    });
  }

  observe(status, seconds) {
    this.#calls.inc({ class: `${Math.floor(status / 100)}xx` });
    this.#seconds.observe(seconds);
  }

  async text() {
    return { content_type: this.registry.contentType, text: Buffer.from(await this.registry.metrics()) };
  }
}
