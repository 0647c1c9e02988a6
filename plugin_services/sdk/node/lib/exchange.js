/** Exchange: one HTTP call or one WebSocket, frame by frame in both directions. */

import { setTimeout as sleep } from "node:timers/promises";

import { AnswerBroken, BadFrame, ClientGone } from "./errors.js";
import { write } from "./frames.js";
import { headerMessages } from "./heads.js";
import { HttpCall } from "./http-call.js";
import { notConfigured, PROBLEM } from "./problems.js";
import { timing } from "./timing.js";
import { WebSocketCall } from "./websocket-call.js";

/** Serve one stream from its first frame to its last. Throws BadFrame, BadHead, AnswerBroken, ClientGone. */
export async function exchange(host, call, configured) {
  const frames = call.iterator({ destroyOnReturn: false });
  const first = await next(frames, call);
  if (first?.frame !== "http_start" && first?.frame !== "websocket_start") {
    throw new BadFrame("the first frame must be a start");
  }
  if (!configured) await refuse(call);
  else if (first.frame === "http_start") await serveHttp(host, call, frames, first.http_start);
  else await serveWebSocket(host, call, frames, first.websocket_start);
}

async function serveHttp(host, call, frames, head) {
  const http = new HttpCall(host, head, null);
  const upload = async () => {
    for (let frame = await next(frames, call); frame; frame = await next(frames, call)) {
      if (frame.frame !== "body") throw new BadFrame("after its start an HTTP call takes only body frames");
      await http.feed(frame.body.data);
      if (frame.body.end) return http.endUpload();
    }
    // It broke off, and the app must not take it for whole.
    return http.disconnect();
  };
  const answer = async () => {
    await http.ready;
    if (!http.status) throw new AnswerBroken("the call ended before its answer began");
    await write(call, { http_start: { status: http.status, headers: http.headers } });
    for (let end = false; !end; ) {
      const part = await http.next(timing.window);
      end = part.end;
      await write(call, { body: { data: part.data, end, trailers: end ? http.trailers : [] } });
    }
  };
  await both(call, http, upload, answer);
}

async function serveWebSocket(host, call, frames, opening) {
  const socket = new WebSocketCall(host, opening);
  const receive = async () => {
    for (let frame = await next(frames, call); frame; frame = await next(frames, call)) {
      if (!(await socket.feed(frame))) return;
    }
    socket.disconnect();
  };
  const send = async () => {
    for (let frame = await socket.nextFrame(); frame; frame = await socket.nextFrame()) await write(call, frame);
  };
  await both(call, socket, receive, send);
}

/**
 * Read and write at once; done when writing is, as a server may answer before it has read all. Then the stream stays
 * open for a while: ended while the client writes, it would make the client's gRPC library fail the call before the
 * answer is read.
 */
async function both(call, served, reading, writing) {
  let failure = null;
  const stop = (error) => {
    failure ??= error;
    served.disconnect();
  };
  const left = () => served.disconnect();
  call.once("cancelled", left);
  const reader = reading().catch(stop);
  await writing().catch(stop);
  served.delivered?.();
  if (!failure) await Promise.race([reader, sleep(timing.linger, undefined, { ref: false })]);
  call.off("cancelled", left);
  if (failure) throw failure;
}

/** The next frame, null after the last. Throws ClientGone. */
async function next(frames, call) {
  try {
    const { value, done } = await frames.next();
    return done ? null : value;
  } catch (error) {
    throw new ClientGone("the client has gone", { cause: error });
  } finally {
    if (call.cancelled) call.resume();
  }
}

async function refuse(call) {
  const { status, body } = notConfigured();
  await write(call, { http_start: { status, headers: headerMessages(["content-type", PROBLEM]) } });
  await write(call, { body: { data: body, end: true } });
}
