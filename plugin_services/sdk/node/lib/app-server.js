/** The app as an ordinary http.Server, whose connections are calls of the gateway. */

import http from "node:http";

import { currentCall } from "./context.js";
import { sdkLog } from "./logs.js";
import { internalError, notFound, PROBLEM } from "./problems.js";

/** What a head may have in all, in bytes: the gateway has judged it before. */
export const HEAD_LIMIT = 256 * 1024;

/** It never listens. Frameworks and WebSocket libraries attach to it as to any other server. */
export class AppServer extends http.Server {
  constructor(handler) {
    super({ requireHostHeader: false, maxHeaderSize: HEAD_LIMIT, headersTimeout: 0, requestTimeout: 0 });
    this.maxHeadersCount = 0;
    this.on("request", (request, response) => run(handler ?? nothingHere, request, response));
  }

  /** Whatever the app does for a request runs as that call, for the log and for callOf(). */
  emit(event, ...values) {
    const call = values[0]?.socket?.plugwayCall;
    if (!call || (event !== "request" && event !== "upgrade" && !event.startsWith("check"))) {
      return super.emit(event, ...values);
    }
    return currentCall.run(call, () => super.emit(event, ...values));
  }
}

function run(handler, request, response) {
  const working = request.socket.plugwayWorking;
  try {
    const outcome = handler(request, response);
    if (typeof outcome?.then === "function") working(outcome.then(null, (error) => failed(error, request, response)));
  } catch (error) {
    failed(error, request, response);
  }
}

/** The app is someone else's code: whatever it throws ends this call and no other. */
function failed(error, request, response) {
  if (response.destroyed || response.writableEnded) return;
  sdkLog.error(`the app failed on ${request.method} ${request.url.split("?")[0]}`, { error });
  if (response.headersSent) response.destroy();
  else send(response, internalError(currentCall.getStore()?.requestId));
}

function nothingHere(request, response) {
  send(response, notFound());
}

function send(response, { status, body }) {
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.writeHead(status, { "content-type": PROBLEM, "content-length": body.length });
  response.end(body);
}
