/** The call that is being answered, and the volumes of the process. */

import { AsyncLocalStorage } from "node:async_hooks";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

import { NoCall, VolumeUnavailable } from "./errors.js";

/** Holds the {@link CallContext} of what runs. */
export const currentCall = new AsyncLocalStorage();

/** What the gateway vouches for, from the contract's message. `signal` aborts when the client has left. */
export class CallContext {
  constructor(message, signal) {
    this.requestId = message.request_id;
    this.user = message.user;
    this.role = message.role;
    this.basePath = message.base_path;
    this.traceparent = message.traceparent;
    this.token = message.token;
    this.clientAddress = message.client_address;
    this.scheme = message.scheme || "http";
    this.host = message.host;
    this.signal = signal;
  }
}

/**
 * The call of a request: Node's own, Express's, Fastify's, or Koa's context. Without one, the call that is
 * being answered. Throws NoCall.
 */
export function callOf(request) {
  const found = request ? nodeRequest(request).socket?.plugwayCall : currentCall.getStore();
  if (!found) throw new NoCall("this is no request of a call, or no call is being answered");
  return found;
}

function nodeRequest(request) {
  return request.socket?.plugwayCall ? request : (request.raw ?? request.req ?? request);
}

/** The directory of a volume that the plugin declared; made on an author's machine. Throws VolumeUnavailable. */
export function volume(name) {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) {
    throw new VolumeUnavailable(`'${name}' is no volume name: lower-case letters, digits and '-'`);
  }
  const directory = join(resolve(process.env.PLUGWAY_VOLUMES || ".plugway-volumes"), name);
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    const words = `the volume '${name}' is not there; declare it in permissions.volumes (${error.code})`;
    throw new VolumeUnavailable(words, { cause: error });
  }
  return directory;
}
