/**
 * Connections to what the plugin was granted, by the gateway's relay where there is one.
 *
 * In a container the plugin has no network of its own: PLUGWAY_EGRESS names the relay's socket, which takes HTTP
 * CONNECT. Without it, as on an author's machine, connections are direct. TLS is between the plugin and the
 * destination.
 */

import http from "node:http";
import https from "node:https";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";

import { EgressRefused } from "./errors.js";

/** Milliseconds; the relay itself gives up a destination after 10 s. */
const CONNECT_TIMEOUT = 15_000;
/** Milliseconds to wait for a relay that is not there: a gateway that starts anew makes it anew. */
const RELAY_AWAY = 2_000;
const PAUSE = 100;
const HEAD_LIMIT = 8192;
const WORDS_LIMIT = 4096;
const END = "\r\n\r\n";

/** The relay's socket; "" where connections are direct. */
export function relay() {
  const given = process.env.PLUGWAY_EGRESS ?? "";
  return given.startsWith("unix:/") ? given.slice(5) : "";
}

/**
 * A connected socket. Rejects with EgressRefused for what was not granted, else with the usual errors: code
 * ETIMEDOUT or ECONNREFUSED, in the relay's words.
 */
export async function connect(host, port, { timeout = CONNECT_TIMEOUT } = {}) {
  if (!/^[^\s\x00-\x1f]+$/.test(host)) throw new TypeError("not a host");
  if (!/^\d{1,5}$/.test(port)) throw new TypeError("not a port");
  const signal = AbortSignal.timeout(timeout);
  const place = relay();
  if (!place) return opened(net.connect({ host, port: Number(port) }), signal);
  const until = Date.now() + RELAY_AWAY;
  for (;;) {
    try {
      return await tunnel(await opened(net.connect({ path: place }), signal), host, port, signal);
    } catch (error) {
      if (!error.away) throw error;
      if (Date.now() > until) throw failure("ECONNREFUSED", "the gateway's relay does not answer; is the gateway running?");
    }
    await sleep(PAUSE);
  }
}

/** Resolves when it is connected. */
function opened(socket, signal) {
  return new Promise((resolve, reject) => {
    const give = (error) => {
      signal.removeEventListener("abort", late);
      socket.destroy();
      if (relay() && (error.code === "ENOENT" || error.code === "ECONNREFUSED")) error.away = true;
      reject(error);
    };
    const late = () => give(failure("ETIMEDOUT", "no connection in time"));
    signal.addEventListener("abort", late);
    socket.once("error", give);
    socket.once("connect", () => {
      signal.removeEventListener("abort", late);
      socket.off("error", give);
      resolve(socket);
    });
  });
}

/** CONNECT, byte for byte: what follows the answer's head is the destination's. */
async function tunnel(socket, host, port, signal) {
  const to = net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  socket.write(`CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`);
  try {
    const { head, rest } = await readHead(socket, signal);
    const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(head)?.[1]);
    if (status === 200) {
      socket.unshift(rest);
      return socket;
    }
    throw refused(status, (await readWords(socket, head, rest, signal)).trim());
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function readHead(socket, signal) {
  let read = Buffer.alloc(0);
  for (;;) {
    const end = read.indexOf(END);
    if (end >= 0) return { head: read.subarray(0, end).toString("latin1"), rest: read.subarray(end + END.length) };
    if (read.length > HEAD_LIMIT) throw failure("EPROTO", "the gateway's relay does not speak HTTP");
    const part = await readable(socket, signal);
    if (!part) throw failure("ECONNRESET", "the gateway's relay broke off");
    read = Buffer.concat([read, part]);
  }
}

async function readWords(socket, head, rest, signal) {
  const length = Math.min(Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0), WORDS_LIMIT);
  let words = rest;
  for (let part; words.length < length && (part = await readable(socket, signal)); ) {
    words = Buffer.concat([words, part]);
  }
  return words.toString();
}

/** What has arrived; null at the end. Nothing is lost for who reads next, as the socket does not flow. */
async function readable(socket, signal) {
  for (;;) {
    const part = socket.read();
    if (part || socket.readableEnded || socket.destroyed) return part;
    await new Promise((resolve, reject) => {
      const done = (error) => {
        signal.removeEventListener("abort", late);
        for (const name of ["readable", "end", "close", "error"]) socket.off(name, done);
        if (error instanceof Error) reject(error);
        else resolve();
      };
      const late = () => done(failure("ETIMEDOUT", "the gateway's relay gave no answer in time"));
      signal.addEventListener("abort", late);
      for (const name of ["readable", "end", "close", "error"]) socket.on(name, done);
    });
  }
}

function refused(status, words) {
  const text = words || `the relay answers ${status}`;
  if (status === 403) return new EgressRefused(text);
  return failure(status === 408 || status === 504 ? "ETIMEDOUT" : "ECONNREFUSED", text);
}

function failure(code, message) {
  return Object.assign(new Error(message), { code });
}

/** For `http.request({ agent })` and libraries that take an agent. */
export class Agent extends http.Agent {
  createConnection(options, callback) {
    connect(options.host, options.port).then((socket) => callback(null, socket), callback);
  }
}

/** The same for https: the certificate has to be the destination's. */
export class HttpsAgent extends https.Agent {
  createConnection(options, callback) {
    const servername = options.servername || (net.isIP(options.host) ? "" : options.host);
    connect(options.host, options.port).then(
      (socket) => callback(null, tls.connect({ ...options, socket, servername })),
      callback,
    );
  }
}

const forwarders = new Map();

/**
 * A loopback address `{ host, port }` that leads to the destination, for libraries that only know TCP. The same each
 * time; where connections are direct, the destination itself. With TLS, tell the library the destination's name.
 */
export async function forward(host, port) {
  if (!relay()) return { host, port: Number(port) };
  const key = `${host}:${port}`;
  if (!forwarders.has(key)) forwarders.set(key, listen(host, port));
  return forwarders.get(key);
}

function listen(host, port) {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (from) => {
      from.on("error", () => from.destroy());
      connect(host, port).then(
        (to) => {
          to.on("error", () => from.destroy());
          from.on("close", () => to.destroy());
          from.pipe(to).pipe(from);
        },
        () => from.resetAndDestroy(),
      );
    });
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.unref();
      resolve({ host: "127.0.0.1", port: server.address().port });
    });
  });
}
