/**
 * One HTTP call: a request to the app over a connection in memory, and what of its answer is ready.
 *
 * `ready` resolves when the answer is complete, or when what there is should travel now and the rest be read later.
 */

import http from "node:http";

import { HEAD_LIMIT } from "./app-server.js";
import { CallContext, currentCall } from "./context.js";
import { AnswerBroken, BadHead } from "./errors.js";
import { headerMessages, requestHeaders, target, valueOf, without } from "./heads.js";
import { sdkLog } from "./logs.js";
import { pipe } from "./pipe.js";
import { internalError, PROBLEM } from "./problems.js";
import { timing } from "./timing.js";

const WITH_BODY = new Set(["POST", "PUT", "PATCH"]);

export class HttpCall {
  /** 0 until the answer begins, and for good where the client left or the call was cut before it. */
  status = 0;
  headers = [];
  trailers = [];
  complete = false;
  isStream = false;
  #host;
  #context;
  #leaving = new AbortController();
  #near;
  #request;
  #answer = null;
  #whole;
  #ready;
  #timer = null;
  #parts = [];
  #buffered = 0;
  #tail = "";
  #wake = () => {};
  #broken = false;
  #gone = false;
  #delivered = false;
  #observed = false;
  #working = 0;
  #since = performance.now();

  /** `body` is the whole of it, or null where it comes by feed(). Throws BadHead. */
  constructor(host, head, body) {
    this.#host = host;
    this.#whole = body !== null;
    this.ready = new Promise((resolve) => (this.#ready = resolve));
    const { near, far } = connection(head, this.#leaving.signal);
    this.#near = near;
    this.#context = far.plugwayCall;
    far.plugwayWorking = (outcome) => this.#works(outcome);
    this.#request = request(near, head, body);
    this.#request.on("response", (answer) => this.#begin(answer));
    this.#request.on("error", () => this.#closed());
    this.#request.on("close", () => this.#closed());
    host.calls.enter(this);
    currentCall.run(this.#context, () => host.server.emit("connection", far));
    if (body !== null) this.#request.end(body);
  }

  // The app's side.

  #works(outcome) {
    this.#working += 1;
    outcome.then(() => {
      this.#working -= 1;
      this.#leave();
    });
  }

  #begin(answer) {
    if (this.#gone) return;
    this.#answer = answer;
    this.status = answer.statusCode;
    this.headers = headerMessages(answer.rawHeaders);
    this.isStream = /^text\/event-stream/i.test(answer.headers["content-type"] ?? "");
    answer.on("data", (part) => this.#take(part));
    answer.on("end", () => this.#end(answer));
    answer.on("error", () => {}); // The close that follows tells.
    answer.on("close", () => this.#closed());
    if (this.isStream || !this.#whole) this.#handOver();
    else {
      const length = Number(answer.headers["content-length"] ?? Infinity);
      const patience = length <= timing.unaryBytes ? timing.patienceSized : timing.patience;
      this.#timer = setTimeout(() => this.#handOver(), patience);
    }
    if (this.isStream && this.#host.calls.draining) this.giveNotice();
  }

  #take(part) {
    if (this.#gone) return;
    this.#parts.push(part);
    this.#buffered += part.length;
    if (this.isStream) this.#tail = (this.#tail + part.subarray(-4).toString("latin1")).slice(-4);
    if (this.#buffered >= timing.unaryBytes) this.#handOver();
    if (this.#timer === null && this.#buffered >= timing.window) this.#answer.pause();
    this.#wake();
  }

  #end(answer) {
    if (this.#gone) return;
    this.trailers = headerMessages(answer.rawTrailers);
    this.#finish();
  }

  /** The connection is over, in good order or not. */
  #closed() {
    if (this.complete || this.#gone || this.#broken) return;
    if (this.#answer) {
      if (this.#answer.complete) return; // Its end is still to be read.
      this.#broken = true;
      this.#observe();
      this.#handOver();
      this.#wake();
      return;
    }
    currentCall.run(this.#context, () => sdkLog.error("the app closed the connection without an answer"));
    const { status, body } = internalError(this.#context.requestId);
    this.status = status;
    this.headers = headerMessages(["content-type", PROBLEM]);
    this.#parts.push(body);
    this.#buffered += body.length;
    this.#finish();
  }

  #finish() {
    this.complete = true;
    this.#observe();
    this.#handOver();
    this.#wake();
  }

  #handOver() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#ready();
  }

  #observe() {
    if (this.#observed) return;
    this.#observed = true;
    if (!this.isStream) this.#host.metrics.observe(this.status, (performance.now() - this.#since) / 1000);
  }

  // The upload's side.

  /** A part of the body; resolves when the app has room for more. */
  async feed(part) {
    if (this.#gone || this.complete || this.#request.destroyed) return;
    if (part.length && !this.#request.write(part)) await this.#room();
  }

  endUpload() {
    if (!this.#request.destroyed) this.#request.end();
  }

  #room() {
    return new Promise((resolve) => {
      const request = this.#request;
      const done = () => {
        request.off("drain", done);
        request.off("close", done);
        resolve();
      };
      request.on("drain", done);
      request.on("close", done);
    });
  }

  // The reader's side.

  /** At most `limit` bytes of what is there, and whether that is the end. Throws AnswerBroken. */
  take(limit) {
    const data = this.#gather(limit);
    this.#buffered -= data.length;
    if (this.#answer?.isPaused() && this.#buffered < timing.window) this.#answer.resume();
    if (this.#parts.length) return { data, end: false };
    if ((this.#broken || this.#gone) && !data.length && !this.complete) {
      throw new AnswerBroken("the app failed after its answer had begun");
    }
    return { data, end: this.complete };
  }

  #gather(limit) {
    if (this.#parts.length === 1 && this.#buffered <= limit) return this.#parts.pop();
    const taken = [];
    let size = 0;
    while (this.#parts.length && size < limit) {
      let part = this.#parts.shift();
      if (size + part.length > limit) {
        this.#parts.unshift(part.subarray(limit - size));
        part = part.subarray(0, limit - size);
      }
      taken.push(part);
      size += part.length;
    }
    return Buffer.concat(taken, size);
  }

  /** Wait for the next bytes; an empty part comes only with the end. Throws AnswerBroken. */
  async next(limit) {
    while (!this.#parts.length && !this.complete && !this.#broken && !this.#gone) {
      await new Promise((resolve) => (this.#wake = resolve));
    }
    return this.take(limit);
  }

  // How it ends.

  /** Nothing of the answer is left to read; the app may still be busy with what follows it. */
  delivered() {
    if (!this.complete) this.disconnect();
    this.#delivered = true;
    this.#leave();
  }

  /** The client is gone: the app is told, as by any connection that closes. */
  disconnect() {
    if (this.#gone || (this.complete && this.#delivered)) return;
    this.#gone = true;
    this.#delivered = true;
    this.#parts = [];
    this.#buffered = 0;
    this.#observe();
    this.#hangUp();
  }

  /** End an event stream in good order: clients come back by themselves, not all at once. */
  giveNotice() {
    if (this.complete || this.#gone) return;
    if (/^$|(\n\n|\r\n\r\n|\r\r)$/.test(this.#tail)) {
      this.#parts.push(Buffer.from(`retry: ${500 + Math.floor(Math.random() * 1001)}\n\n`));
    }
    this.complete = true;
    this.#gone = true;
    this.#hangUp();
  }

  cut() {
    this.#broken = true;
    this.disconnect();
  }

  #hangUp() {
    this.#leaving.abort();
    this.#near.destroy();
    this.#handOver();
    this.#wake();
    this.#leave();
  }

  #leave() {
    if (this.#delivered && !this.#working) this.#host.calls.leave(this);
  }
}

/** The two ends of one; what the app asks its socket for is the client's. */
export function connection(head, signal) {
  const { near, far } = pipe();
  const context = new CallContext(head?.context ?? {}, signal);
  far.plugwayCall = context;
  far.plugwayWorking = () => {};
  far.remoteAddress = context.clientAddress;
  far.encrypted = context.scheme === "https";
  for (const end of [near, far]) end.on("error", () => {}); // Those who use them have listeners of their own.
  return { near, far };
}

function request(near, head, body) {
  const method = checked(head);
  let headers = requestHeaders(head);
  if (body === null) {
    if (!valueOf(headers, "content-length")) headers.push("transfer-encoding", "chunked");
  } else {
    headers = without(headers, (name) => name === "content-length");
    if (body.length || WITH_BODY.has(method)) headers.push("content-length", String(body.length));
  }
  try {
    const path = target(head);
    return http.request({ method, path, headers, createConnection: () => near, maxHeaderSize: HEAD_LIMIT });
  } catch (error) {
    throw error instanceof BadHead ? error : new BadHead(`the head cannot be sent on: ${error.message}`);
  }
}

/** The method, after what Node's http would not judge by itself. */
function checked(head) {
  if (!head?.method) throw new BadHead("the method is missing");
  if (head.method === "CONNECT") throw new BadHead("CONNECT is for proxies");
  return head.method;
}
