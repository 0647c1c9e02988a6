/** The contract's service over one plugin. Every method answers for itself; none knows which gateway asks. */

import { randomUUID } from "node:crypto";

import { Metadata, status } from "@grpc/grpc-js";

import { AnswerBroken, BadFrame, BadHead, ClientGone } from "./errors.js";
import { exchange } from "./exchange.js";
import { fail, write } from "./frames.js";
import { headerMessages } from "./heads.js";
import { HttpCall } from "./http-call.js";
import { sdkLog } from "./logs.js";
import { description, highestCommon } from "./manifest.js";
import { notConfigured, PROBLEM } from "./problems.js";
import { SettingsKeeper } from "./settings.js";
import { draining, rpcError } from "./refusals.js";
import { timing } from "./timing.js";
import { bundle } from "./ui.js";

export class Service {
  #plugin;
  #host;
  #settings;
  #description;
  #continuations = new Map();

  /** `host` is what all calls share: server, calls, metrics. */
  constructor(plugin, host, instanceId) {
    this.#plugin = plugin;
    this.#host = host;
    this.#settings = new SettingsKeeper(plugin);
    this.#description = description(plugin, instanceId);
  }

  /** As grpc-js takes them. */
  methods() {
    const unary = (act) => (call, callback) => {
      act.call(this, call).then((answer) => callback(null, answer), (error) => callback(statusOf(error)));
    };
    const streaming = (act) => (call) => {
      act.call(this, call).then(() => call.end(), (error) => {
        const { code, details, metadata } = statusOf(error);
        fail(call, code, details, metadata);
      });
    };
    return {
      Describe: unary(this.describe),
      Configure: unary(async (call) => this.#settings.configure(call.request)),
      Handle: unary(this.handle),
      ReadBody: streaming(this.readBody),
      Exchange: streaming(this.exchange),
      GetUi: streaming(this.getUi),
      Drain: unary(this.drain),
      CollectMetrics: unary(async () => this.#plugin.metrics.text()),
    };
  }

  /** For typed services, which wait for settings too. */
  missing = () => this.#settings.missing;

  async describe({ request }) {
    const version = highestCommon(request.contract_versions);
    if (!version) sdkLog.warning(`a gateway ${request.gateway_version} speaks no contract version of ours`);
    return { ...this.#description, contract_version: version };
  }

  async handle(call) {
    if (this.#host.calls.draining) throw draining();
    if (this.#settings.missing) return unconfigured();
    const http = new HttpCall(this.#host, call.request.request, call.request.body);
    const left = () => http.disconnect();
    call.once("cancelled", left);
    await http.ready;
    // From here on the client may leave by ReadBody only: grpc-js tells of any end of a call as of a cancelled one.
    call.off("cancelled", left);
    if (call.cancelled) http.disconnect();
    if (call.cancelled || !http.status) throw rpcError(status.UNAVAILABLE, "cut at the deadline of the drain");
    return this.#answer(http);
  }

  #answer(http) {
    let part;
    try {
      part = http.take(timing.unaryBytes);
    } catch (error) {
      http.delivered();
      throw error;
    }
    const answer = { response: { status: http.status, headers: http.headers }, body: part.data };
    if (!part.end) return { ...answer, continuation: this.#keep(http) };
    http.delivered();
    return { ...answer, trailers: http.trailers };
  }

  #keep(http) {
    const token = randomUUID();
    const timer = setTimeout(() => this.#taken(token)?.disconnect(), timing.continuation);
    timer.unref();
    this.#continuations.set(token, { http, timer });
    return token;
  }

  #taken(token) {
    const found = this.#continuations.get(token);
    this.#continuations.delete(token);
    clearTimeout(found?.timer);
    return found?.http;
  }

  async readBody(call) {
    const { continuation, discard } = call.request;
    const http = this.#taken(continuation);
    if (discard) {
      // One that is being read is ended by the cancelling of that ReadBody.
      http?.disconnect();
      return;
    }
    if (!http) throw rpcError(status.NOT_FOUND, "no such continuation: used, expired or never given");
    call.once("cancelled", () => http.disconnect());
    try {
      for (let end = false; !end; ) {
        const part = await http.next(timing.window);
        end = part.end;
        const trailers = end ? http.trailers : [];
        if (part.data.length || trailers.length) await write(call, { chunk: part.data, trailers });
      }
    } finally {
      http.delivered();
    }
  }

  async exchange(call) {
    if (this.#host.calls.draining) throw draining();
    // The gateway may hold an upload back until it knows that it was not refused.
    call.sendMetadata(new Metadata());
    await exchange(this.#host, call, !this.#settings.missing);
  }

  async getUi(call) {
    const { ui } = this.#plugin.options;
    if (ui) for await (const message of bundle(ui)) await write(call, message);
  }

  async drain({ request }) {
    sdkLog.info(`draining: ${request.reason || "no reason given"}`);
    const answer = await this.#host.calls.drain(milliseconds(request.deadline), milliseconds(request.stream_deadline));
    sdkLog.info(`drained: ${answer.finished} finished, ${answer.cut} cut`);
    return answer;
  }
}

function unconfigured() {
  const { status: number, body } = notConfigured();
  return { response: { status: number, headers: headerMessages(["content-type", PROBLEM]) }, body };
}

function milliseconds(duration) {
  return duration ? duration.seconds * 1000 + duration.nanos / 1e6 : 0;
}

const CODES = [
  [BadHead, status.INVALID_ARGUMENT],
  [BadFrame, status.INVALID_ARGUMENT],
  [AnswerBroken, status.INTERNAL],
  [ClientGone, status.CANCELLED],
];

function statusOf(error) {
  if (error.details !== undefined) return error;
  const found = CODES.find(([kind]) => error instanceof kind);
  if (found) return rpcError(found[1], error.message);
  sdkLog.error("the SDK failed on a call", { error });
  return rpcError(status.INTERNAL, "the plugin failed");
}
