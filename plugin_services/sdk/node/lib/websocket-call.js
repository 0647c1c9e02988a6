/** One WebSocket: frames of Exchange on one side, on the other a client of the app in memory. */

import WebSocket from "ws";

import { currentCall } from "./context.js";
import { BadFrame, BadHead } from "./errors.js";
import { headerMessages, requestHeaders, target } from "./heads.js";
import { connection } from "./http-call.js";
import { sdkLog } from "./logs.js";
import { internalError } from "./problems.js";

const SERVICE_RESTART = 1012;
const TOO_BIG = 1009;
const LARGEST = 16 * 2 ** 20;
const PIECE = 2 ** 20;
const QUEUED = 16;
/** Milliseconds for the app to answer a close. */
const CLOSING = 1000;

export class WebSocketCall {
  isStream = true;
  #host;
  #context;
  #leaving = new AbortController();
  #client;
  #state = "opening";
  #frames = [];
  #wake = () => {};
  #partial = [];
  #size = 0;

  /** Throws BadHead. */
  constructor(host, opening) {
    this.#host = host;
    const { near, far } = connection(opening.request, this.#leaving.signal);
    this.#context = far.plugwayCall;
    this.#client = open(near, opening);
    this.#client.on("upgrade", (answer) => this.#accepted(answer));
    this.#client.on("unexpected-response", (request, answer) => this.#refused(answer));
    this.#client.on("message", (data, binary) => this.#message(data, binary));
    this.#client.on("error", (error) => this.#failed(error));
    this.#client.on("close", (code, reason) => this.#closed(code, reason));
    host.calls.enter(this);
    currentCall.run(this.#context, () => host.server.emit("connection", far));
  }

  // The app's side.

  #accepted(answer) {
    if (this.#state !== "opening") return;
    this.#state = "open";
    const headers = headerMessages(answer.rawHeaders).filter(({ name }) => !name.toString().startsWith("sec-websocket-"));
    const subprotocol = answer.headers["sec-websocket-protocol"] ?? "";
    this.#put({ websocket_accept: { subprotocol, headers } });
  }

  async #refused(answer) {
    if (this.#state !== "opening") return;
    this.#state = "refusing";
    this.#put({ http_start: { status: answer.statusCode, headers: headerMessages(answer.rawHeaders) } });
    try {
      for await (const data of answer) {
        this.#put({ body: { data } });
        await this.#room();
      }
    } catch (error) {
      sdkLog.debug("a refusal of a WebSocket broke off", { error });
    }
    this.#put({ body: { end: true } });
    this.#finish();
  }

  #message(data, binary) {
    for (let at = 0; at < Math.max(data.length, 1); at += PIECE) {
      const more = at + PIECE < data.length;
      this.#put({ websocket_message: { data: data.subarray(at, at + PIECE), text: !binary, more } });
    }
    if (this.#frames.length > QUEUED) this.#client.pause();
  }

  #failed(error) {
    if (this.#state !== "opening") return;
    currentCall.run(this.#context, () => sdkLog.error("the app failed on a WebSocket", { error }));
    this.#refuse(500, internalError(this.#context.requestId).body);
  }

  #closed(code, reason) {
    // 1006: it broke off, which the end of the stream says.
    if (this.#state === "open" && code !== 1006) {
      this.#put({ websocket_close: { code: code === 1005 ? 1000 : code, reason: reason.toString() } });
    }
    if (this.#state !== "refusing") this.#finish();
    this.#host.calls.leave(this);
  }

  // The gateway's side.

  /** Take one frame from the client; false where it was the last. Throws BadFrame. */
  async feed(frame) {
    if (frame.frame === "websocket_close") {
      this.#close(frame.websocket_close.code, frame.websocket_close.reason);
      this.#finish();
      return false;
    }
    if (frame.frame !== "websocket_message") {
      throw new BadFrame("a WebSocket takes only messages and a close after its start");
    }
    const { data, text, more } = frame.websocket_message;
    this.#partial.push(data);
    this.#size += data.length;
    if (this.#size > LARGEST) {
      this.#end(TOO_BIG, `messages may have ${LARGEST} bytes`);
      return false;
    }
    if (more) return true;
    const message = Buffer.concat(this.#partial);
    this.#partial = [];
    this.#size = 0;
    await this.#send(message, !text);
    return true;
  }

  /** Resolves when the app's side has room again. */
  #send(message, binary) {
    return new Promise((resolve) => {
      this.#client.once("close", resolve);
      const sent = () => {
        this.#client.off("close", resolve);
        resolve();
      };
      currentCall.run(this.#context, () => this.#client.send(message, { binary }, sent));
    });
  }

  /** The next frame for the client; null after the last. */
  async nextFrame() {
    while (!this.#frames.length && this.#state !== "closed") {
      await new Promise((resolve) => (this.#wake = resolve));
    }
    const frame = this.#frames.shift() ?? null;
    if (this.#client.isPaused && this.#frames.length <= QUEUED / 2) this.#client.resume();
    this.#roomFor?.();
    return frame;
  }

  #roomFor = null;

  #room() {
    if (this.#frames.length <= QUEUED || this.#state === "closed") return Promise.resolve();
    return new Promise((resolve) => (this.#roomFor = resolve));
  }

  #put(frame) {
    if (this.#state === "closed") return;
    this.#frames.push(frame);
    this.#wake();
  }

  // How it ends.

  /** The client has gone without a word. */
  disconnect() {
    this.#frames = [];
    this.#finish();
    this.#client.terminate();
  }

  giveNotice() {
    if (this.#state === "opening") this.#refuse(503, Buffer.alloc(0));
    else if (this.#state === "open") this.#end(SERVICE_RESTART, "the plugin restarts; connect again");
  }

  cut() {
    this.giveNotice();
    this.#client.terminate();
  }

  #end(code, reason) {
    this.#put({ websocket_close: { code, reason } });
    this.#close(code, reason);
    this.#finish();
  }

  #refuse(status, data) {
    this.#put({ http_start: { status } });
    this.#put({ body: { data, end: true } });
    this.#finish();
    this.#client.terminate();
  }

  /** Tell the app; who does not answer is left alone. */
  #close(code, reason) {
    const client = this.#client;
    // Codes that no frame may carry.
    if (client.readyState !== WebSocket.OPEN || code === 1006) client.terminate();
    else if (code < 1000 || code === 1004 || code === 1005 || code === 1015) client.close();
    else client.close(code, reason);
    const timer = setTimeout(() => client.terminate(), CLOSING);
    client.once("close", () => clearTimeout(timer));
  }

  #finish() {
    this.#state = "closed";
    this.#leaving.abort();
    this.#wake();
    this.#roomFor?.();
    if (this.#client.readyState === WebSocket.CLOSED) this.#host.calls.leave(this);
  }
}

function open(near, opening) {
  const head = opening.request;
  if (!head?.method) throw new BadHead("the method is missing");
  const path = target(head);
  const finishRequest = (request) => {
    request.path = path;
    const headers = requestHeaders(head);
    for (let at = 0; at < headers.length; at += 2) {
      if (headers[at] === "host") request.setHeader("host", headers[at + 1]);
      else if (!headers[at].startsWith("sec-websocket-")) request.appendHeader(headers[at], headers[at + 1]);
    }
    request.end();
  };
  try {
    return new WebSocket("ws://plugin/", opening.subprotocols, {
      createConnection: () => near,
      finishRequest,
      perMessageDeflate: false,
      maxPayload: LARGEST,
    });
  } catch (error) {
    throw new BadHead(`the head cannot be sent on: ${error.message}`);
  }
}
