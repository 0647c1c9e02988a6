/** harness(): a plugin behind a real socket, called over the real contract. For tests, with any runner. */

import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";

import { credentials, makeClientConstructor, Metadata } from "@grpc/grpc-js";
import { service as HealthService } from "grpc-health-check";

import { PluginService } from "./contract.js";
import { PluginServer } from "./server.js";
import { CallContextMessage, CONTEXT } from "./typed.js";

const RELEASE = "harness";
const INSECURE = credentials.createInsecure();
const BASE = { base_path: "/plugins/test/api", scheme: "http", host: "gateway.test", client_address: "192.0.2.1" };

/** Start the plugin, with these settings unless they are null; `user` and `role` are who calls ("" for nobody). */
export async function harness(plugin, { settings = {}, user = "ann", role = "admin" } = {}) {
  const directory = await mkdtemp(join(tmpdir(), "plugway-"));
  const server = new PluginServer(plugin, `unix:${directory}/s`, { instanceId: "harness" });
  const address = await server.start();
  const client = new Client(plugin, server, address, directory, { user, role });
  if (settings !== null) {
    const answer = await client.configure(settings);
    if (!answer.accepted) {
      await client.stop();
      throw new Error(`the plugin refuses its settings: ${JSON.stringify(answer.errors)}`);
    }
  }
  return client;
}

class Client {
  #plugin;
  #server;
  #directory;
  #address;
  #who;
  #typed = {};
  #grpc;
  #health;
  #keys = generateKeyPairSync("ed25519");
  #revision = 0;
  #calls = 0;

  constructor(plugin, server, address, directory, who) {
    this.#plugin = plugin;
    this.#server = server;
    this.#directory = directory;
    this.#address = address;
    this.#who = who;
    this.#grpc = new (makeClientConstructor(PluginService, "PluginService"))(address, INSECURE);
    this.#health = new (makeClientConstructor(HealthService, "Health"))(address, INSECURE);
  }

  /** As the global fetch, with a path. A body that is an async iterable is an upload in parts. */
  async fetch(path, { method = "GET", headers = {}, body, signal } = {}) {
    const head = this.#head(method, path, headers);
    if (typeof body?.[Symbol.asyncIterator] === "function") return this.#upload(head, body, signal);
    const call = this.#unary("Handle", { request: head, body: Buffer.from(body ?? "") }, signal);
    const { response, body: first, continuation } = await call;
    const more = continuation ? this.#grpc.ReadBody({ continuation }) : null;
    const leave = () => more && this.#leave(more, continuation);
    signal?.addEventListener("abort", leave);
    return answered(response, first, more, (message) => message.chunk, leave);
  }

  /** As a gateway does: a cancelled ReadBody may never have reached the plugin. */
  #leave(more, continuation) {
    more.cancel();
    this.#grpc.ReadBody({ continuation, discard: true }).on("error", () => {}).resume();
  }

  async #upload(head, parts, signal) {
    const call = this.#grpc.Exchange();
    signal?.addEventListener("abort", () => call.cancel());
    call.write({ http_start: head });
    const sending = (async () => {
      for await (const part of parts) {
        if (!call.write({ body: { data: Buffer.from(part) } })) await Promise.race([once(call, "drain"), once(call, "end")]);
      }
      call.write({ body: { end: true } });
      call.end();
    })();
    sending.catch(() => call.cancel());
    const frames = call[Symbol.asyncIterator]();
    const { value } = await frames.next();
    const leave = () => call.cancel();
    return answered(value.http_start, Buffer.alloc(0), call, (frame) => frame.body.data, leave, frames);
  }

  /** An open WebSocket, or an Error with `status` where it was refused. */
  async websocket(path, { headers = {}, subprotocols = [] } = {}) {
    const call = this.#grpc.Exchange();
    call.write({ websocket_start: { request: this.#head("GET", path, headers), subprotocols } });
    const frames = call[Symbol.asyncIterator]();
    const { value } = await frames.next();
    if (value.websocket_accept) return new Socket(call, frames, value.websocket_accept.subprotocol);
    call.cancel();
    throw Object.assign(new Error(`refused with ${value.http_start.status}`), { status: value.http_start.status });
  }

  /** `{ accepted, errors, restartRequired }`, the errors by JSON Pointer. */
  async configure(settings, { dryRun = false, schemaVersion = this.#plugin.options.settingsVersion } = {}) {
    const { values, secrets } = takeApart(settings, this.#plugin.options.settings ?? {});
    const answer = await this.#unary("Configure", {
      settings_json: JSON.stringify(values),
      secrets,
      schema_version: schemaVersion,
      revision: ++this.#revision,
      dry_run: dryRun,
      call_keys: [{ id: "k", public_key: publicBytes(this.#keys.publicKey) }],
      release_id: RELEASE,
    });
    const errors = Object.fromEntries(answer.errors.map(({ field, message }) => [field, message]));
    return { accepted: answer.accepted, errors, restartRequired: answer.restart_required };
  }

  /**
   * A call of a typed service: a promise of the answer, or an async iterable of answers. `request` is an iterable of
   * messages where the method takes a stream. Errors have gRPC's `code` and `details`.
   */
  typed(service, method, request) {
    const definition = this.#plugin.typed.definitions[service];
    const { requestStream, responseStream } = definition[method];
    const client = (this.#typed[service] ??= new (makeClientConstructor(definition, service))(this.#address, INSECURE));
    const metadata = new Metadata();
    metadata.set(CONTEXT, CallContextMessage.serialize(this.#context()));
    let call;
    const answer = new Promise((resolve, reject) => {
      const first = requestStream ? [metadata] : [request, metadata];
      const last = responseStream ? [] : [(error, message) => (error ? reject(error) : resolve(message))];
      call = client[method](...first, ...last);
    });
    if (requestStream) Readable.from(request).pipe(call);
    return responseStream ? call : answer;
  }

  describe() {
    return this.#unary("Describe", { contract_versions: [1], gateway_version: "test" });
  }

  /** "SERVING" or "NOT_SERVING". */
  async health(name = "") {
    const answer = await promisify(this.#health.check.bind(this.#health))({ service: name });
    return answer.status;
  }

  /** Milliseconds; `{ finished, cut }`. */
  drain({ deadline = 1000, streamDeadline = 1000 } = {}) {
    return this.#unary("Drain", { deadline: duration(deadline), stream_deadline: duration(streamDeadline) });
  }

  /** Path to content. */
  async ui() {
    const files = new Map();
    let path = "";
    for await (const { file, chunk } of this.#grpc.GetUi({})) {
      if (file) files.set((path = file.path), Buffer.alloc(0));
      else files.set(path, Buffer.concat([files.get(path), chunk]));
    }
    return files;
  }

  async metrics() {
    return (await this.#unary("CollectMetrics", {})).text.toString();
  }

  async stop() {
    for (const client of Object.values(this.#typed)) client.close();
    this.#grpc.close();
    this.#health.close();
    await this.#server.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #head(method, target, headers) {
    const [path, query = ""] = target.split(/\?(.*)/s);
    const list = [...new Headers(headers)].map(([name, value]) => ({ name: bytes(name), value: bytes(value) }));
    return { method, path: bytes(path), query: bytes(query), headers: list, context: this.#context() };
  }

  #context() {
    return { ...BASE, ...this.#who, request_id: `test-${++this.#calls}`, token: this.#token() };
  }

  #token() {
    const { user, role } = this.#who;
    if (!user) return "";
    const now = Math.floor(Date.now() / 1000);
    const head = { alg: "EdDSA", typ: "plugway-call+jwt", kid: "k" };
    const aud = this.#plugin.options.id;
    const claims = { iss: "plugway", sub: user, role, aud, release: RELEASE, iat: now, exp: now + 60 };
    const signed = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    return `${signed}.${sign(null, Buffer.from(signed), this.#keys.privateKey).toString("base64url")}`;
  }

  #unary(method, message, signal) {
    return new Promise((resolve, reject) => {
      const call = this.#grpc[method](message, (error, answer) => (error ? reject(error) : resolve(answer)));
      signal?.addEventListener("abort", () => call.cancel());
    });
  }
}

/** One side of a WebSocket. */
class Socket {
  #call;
  #frames;

  constructor(call, frames, subprotocol) {
    this.#call = call;
    this.#frames = frames;
    this.subprotocol = subprotocol;
  }

  send(data) {
    this.#call.write({ websocket_message: { data: Buffer.from(data), text: typeof data === "string" } });
  }

  /** The next message, text or bytes; after the last one `{ code, reason }`. */
  async next() {
    const parts = [];
    for (;;) {
      const { value, done } = await this.#frames.next();
      if (done) return { code: 1006, reason: "" };
      if (value.websocket_close) return value.websocket_close;
      const { data, text, more } = value.websocket_message;
      parts.push(data);
      if (!more) return text ? Buffer.concat(parts).toString() : Buffer.concat(parts);
    }
  }

  close(code = 1000, reason = "") {
    this.#call.write({ websocket_close: { code, reason } });
    this.#call.end();
  }
}

/** A Response whose body is read as the contract streams it. */
function answered(head, first, call, dataOf, leave, frames = call?.[Symbol.asyncIterator]()) {
  const headers = new Headers(head.headers.map(({ name, value }) => [name.toString("latin1"), value.toString("latin1")]));
  const empty = [204, 205, 304].includes(head.status);
  const body = new ReadableStream({
    start(controller) {
      if (first.length) controller.enqueue(first);
      if (!call) controller.close();
    },
    async pull(controller) {
      const { value, done } = await frames.next();
      if (done) controller.close();
      else controller.enqueue(dataOf(value));
    },
    cancel: leave,
  });
  if (empty) body.cancel();
  return new Response(empty ? null : body, { status: head.status, headers });
}

/** Secrets travel apart, by JSON Pointer. */
function takeApart(settings, schema, pointer = "", secrets = {}) {
  const values = {};
  for (const [name, value] of Object.entries(settings)) {
    const of = schema.properties?.[name] ?? {};
    const place = `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (of.writeOnly && typeof value === "string") secrets[place] = value;
    else if (of.properties && value) values[name] = takeApart(value, of, place, secrets).values;
    else values[name] = value;
  }
  return { values, secrets };
}

function publicBytes(key) {
  return Buffer.from(key.export({ format: "jwk" }).x, "base64url");
}

function duration(milliseconds) {
  return { seconds: Math.floor(milliseconds / 1000), nanos: Math.round((milliseconds % 1000) * 1e6) };
}

function bytes(text) {
  return Buffer.from(text, "latin1");
}
