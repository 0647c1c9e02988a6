/** Typed services: gRPC services of the author's, on the plugin's own server. */

import { readFileSync } from "node:fs";

import { status } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";

import { CallContext, currentCall } from "./context.js";
import { contract } from "./contract.js";
import { ClientGone, PluginMisdefined } from "./errors.js";
import { fail, write } from "./frames.js";
import { sdkLog } from "./logs.js";
import { draining, rpcError } from "./refusals.js";

/** Metadata in which a gateway says who calls. */
export const CONTEXT = "plugway-context-bin";
export const CallContextMessage = contract["plugway.plugin.v1.CallContext"];

const NOT_EXPORTED = ["plugway.", "grpc.health.", "grpc.reflection."];
/** As protobuf's own JSON has them: names in camel case, names of enums, 64-bit integers as text. */
const MESSAGES = { longs: String, enums: String, defaults: true, oneofs: true };

/** What a plugin exports. Throws PluginMisdefined. */
export class TypedServices {
  constructor({ descriptors, services }) {
    this.descriptors = Buffer.isBuffer(descriptors) ? descriptors : readFileSync(descriptors);
    this.names = Object.keys(services).sort();
    try {
      this.definitions = loadFileDescriptorSetFromBuffer(this.descriptors, MESSAGES);
    } catch (error) {
      throw new PluginMisdefined(`typed.descriptors is no FileDescriptorSet: ${error.message}`, { cause: error });
    }
    this.methods = this.names.map((name) => ({ name, ...this.#found(name, services[name]) }));
  }

  #found(name, implementation) {
    const definition = this.definitions[name];
    if (NOT_EXPORTED.some((prefix) => name.startsWith(prefix))) {
      throw new PluginMisdefined(`the service ${name} cannot be exported: the name is taken`);
    }
    if (!definition || definition.format) throw new PluginMisdefined(`typed.descriptors has no service ${name}`);
    const acts = Object.entries(definition).map(([method, about]) => {
      const act = implementation[lower(method)];
      if (typeof act !== "function") throw new PluginMisdefined(`the service ${name} lacks ${lower(method)}()`);
      return [method, about, act.bind(implementation)];
    });
    return { definition, acts };
  }

  /** Add them to a grpc-js server. `host` is what all calls share, `missing` tells whether settings are. */
  addTo(server, host, missing) {
    for (const { definition, acts } of this.methods) {
      const handlers = acts.map(([method, about, act]) => [method, handler(about, act, host, missing)]);
      server.addService(definition, Object.fromEntries(handlers));
    }
  }
}

function lower(name) {
  return name[0].toLowerCase() + name.slice(1);
}

/** As grpc-js takes it, for an `act` that takes (request, call): an async iterable where it streams. */
function handler({ path, requestStream, responseStream }, act, host, missing) {
  const run = (call, work) => guarded(call, path, requestStream || responseStream, host, missing, work);
  // The end of what is asked must not end the answer, which is the same stream.
  const asked = (call) => act(requestStream ? call.iterator({ destroyOnReturn: false }) : call.request, call);
  if (!responseStream) {
    return (call, callback) => {
      run(call, () => asked(call)).then((answer) => callback(null, answer), (error) => callback(error));
    };
  }
  const send = async (call) => {
    for await (const message of asked(call)) await write(call, message);
  };
  return (call) => {
    run(call, () => send(call)).then(
      () => call.end(),
      ({ code, details, metadata }) => fail(call, code, details, metadata),
    );
  };
}

/** Refuses while draining, counts, tells who calls, and keeps what goes wrong to the log. */
async function guarded(call, path, isStream, host, missing, work) {
  const leaving = new AbortController();
  const context = contextOf(call, leaving.signal);
  if (host.calls.draining) throw draining();
  if (missing()) throw rpcError(status.FAILED_PRECONDITION, "the plugin has no settings in force");
  call.once("cancelled", () => leaving.abort());
  let cut;
  const over = new Promise((_, reject) => {
    cut = () => reject(rpcError(status.UNAVAILABLE, "cut at the deadline of the drain"));
  });
  // gRPC has no word for a notice: the call may go on until the deadline.
  const entry = { isStream, giveNotice() {}, cut };
  host.calls.enter(entry);
  try {
    return await currentCall.run(context, () => Promise.race([over, Promise.resolve().then(work)]));
  } catch (error) {
    throw currentCall.run(context, () => meant(error, path));
  } finally {
    leaving.abort();
    host.calls.leave(entry);
  }
}

function contextOf(call, signal) {
  const [given] = call.metadata.get(CONTEXT);
  try {
    return new CallContext(CallContextMessage.deserialize(given ?? Buffer.alloc(0)), signal);
  } catch {
    throw rpcError(status.INVALID_ARGUMENT, `${CONTEXT} cannot be read`);
  }
}

/** What the author gave a gRPC status is for clients. The text of any other error may hold anything. */
function meant(error, path) {
  if (Number.isInteger(error?.code) && error.code > 0 && error.code <= status.UNAUTHENTICATED) {
    return rpcError(error.code, error.details ?? error.message, error.metadata);
  }
  if (error instanceof ClientGone || error?.name === "AbortError") return rpcError(status.CANCELLED, "the client has left");
  sdkLog.error(`the app failed on ${path}`, { error });
  return rpcError(status.INTERNAL, "the plugin failed; its log says why");
}
