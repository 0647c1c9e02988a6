// The plugin's API calls: how many are open, how many wait, and the answers on their way.

import { CODE, LIMITS, Refusal } from "./limits.js";
import { requestOf } from "./request.js";
import { Stream } from "./stream.js";

export class Calls {
  /** `retired` is called where an answer says that the page's release is not in use any more. */
  constructor(plugin, send, retired) {
    Object.assign(this, { plugin, send, retired, open: 0, events: 0, lastStream: 0 });
    this.running = new Map(); // id of a call -> its AbortController
    this.streams = new Map();
    this.waiting = [];
  }

  async fetch(params, id, release) {
    const { address, init } = requestOf(this.plugin, params, release);
    if (!Number.isInteger(id) || this.running.has(id)) throw new Refusal("A call has an id of its own.", CODE.shape);
    if (this.streams.size >= LIMITS.streams) throw new Refusal("Too many answers were not read.", CODE.limit);
    const controller = new AbortController();
    this.running.set(id, controller);
    try {
      await this.turn(controller.signal);
      return await this.answer(address, { ...init, signal: controller.signal }, controller);
    } finally {
      this.running.delete(id);
    }
  }

  async answer(address, init, controller) {
    let release = () => this.done();
    try {
      const response = await fetch(address, init);
      this.judge(response);
      if (await isOfRetired(response)) {
        this.retired();
        throw new Refusal("This page is of a release that is no longer in use.", CODE.retired);
      }
      const head = { status: response.status, statusText: response.statusText, headers: [...response.headers] };
      if (response.body === null || [204, 205, 304].includes(response.status)) return { ...head, body: null };
      if (isShort(response)) return { ...head, body: await response.arrayBuffer() };
      const stream = this.stream(response, controller);
      release = () => {};
      return { ...head, stream };
    } catch (error) {
      controller.abort();
      throw error instanceof Refusal ? error : new Refusal("The gateway could not be reached.", CODE.network);
    } finally {
      release();
    }
  }

  judge(response) {
    if (response.type === "opaqueredirect") {
      throw new Refusal("The API answered with a redirect, which the bridge does not follow.", CODE.refused);
    }
    if (isEvents(response) && this.events >= LIMITS.events) {
      throw new Refusal(`At most ${LIMITS.events} event streams can be open at once.`, CODE.limit);
    }
  }

  stream(response, controller) {
    const number = ++this.lastStream;
    const events = isEvents(response) ? 1 : 0;
    this.events += events;
    const send = (method, params, transfer) => {
      if (method === "end") this.streams.delete(number);
      this.send(method, params, transfer);
    };
    const released = () => {
      this.events -= events;
      this.done();
    };
    const stream = new Stream({ number, response, controller, send, released });
    this.streams.set(number, stream);
    stream.run();
    return number;
  }

  /** Waits until fewer than the allowed calls are open. */
  turn(signal) {
    if (this.open < LIMITS.open) {
      this.open += 1;
      return Promise.resolve();
    }
    if (this.waiting.length >= LIMITS.queue) return Promise.reject(new Refusal("Too many calls at once.", CODE.limit));
    return new Promise((resolve, reject) => {
      this.waiting.push(resolve);
      signal.addEventListener("abort", () => {
        const at = this.waiting.indexOf(resolve);
        if (at < 0) return;
        this.waiting.splice(at, 1);
        reject(new Refusal("The call was cancelled.", CODE.refused));
      });
    });
  }

  done() {
    const next = this.waiting.shift();
    if (next) next();
    else this.open -= 1;
  }

  cancel(id) {
    this.running.get(id)?.abort();
  }

  pull(number) {
    return this.streams.get(number)?.pull() ?? false;
  }

  stop(number) {
    this.streams.get(number)?.stop();
  }

  close() {
    for (const controller of this.running.values()) controller.abort();
    for (const stream of this.streams.values()) stream.stop();
  }
}

function isEvents(response) {
  return (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
}

async function isOfRetired(response) {
  const problem = (response.headers.get("content-type") ?? "").startsWith("application/problem+json");
  if (response.status !== 409 || !problem || !isShort(response)) return false;
  const { type } = Object(await response.clone().json().catch(() => null));
  return type === "urn:plugway:problem:release-retired";
}

function isShort(response) {
  const length = response.headers.get("content-length");
  return length !== null && Number(length) <= LIMITS.inline && !isEvents(response);
}
