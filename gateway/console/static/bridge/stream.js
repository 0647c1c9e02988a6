// One answer on its way into the frame: read a little ahead, sent on only when the frame asks.

import { LIMITS } from "./limits.js";

export class Stream {
  /** `send(method, params, transfer)` talks to the frame; `released` is called once the answer is in. */
  constructor({ number, response, controller, send, released }) {
    Object.assign(this, { number, controller, send, released });
    this.reader = response.body.getReader();
    this.parts = [];
    this.size = 0;
    this.wanted = false;
    this.ended = null;
    this.resume = () => {};
  }

  /** Reads to the end; returns when the frame has been told of it or the stream was stopped. */
  async run() {
    let outcome = {};
    try {
      for (;;) {
        if (this.size >= LIMITS.ahead) await new Promise((resolve) => (this.resume = resolve));
        const { done, value } = await this.reader.read();
        if (done) break;
        this.parts.push(value);
        this.size += value.byteLength;
        this.deliver();
      }
    } catch {
      outcome = { error: "The answer broke off." };
    }
    this.released();
    this.ended = outcome;
    this.deliver();
  }

  /** The frame asks for the next part; false where it asks twice, which it has no reason to. */
  pull() {
    if (this.wanted) return false;
    this.wanted = true;
    this.deliver();
    return true;
  }

  stop() {
    this.controller.abort();
    this.parts = [];
    this.size = 0;
    this.resume();
  }

  deliver() {
    if (this.parts.length && this.wanted) {
      this.wanted = false;
      const data = this.merged();
      this.send("chunk", { stream: this.number, data }, [data]);
      this.resume();
    }
    if (this.ended && !this.parts.length) this.send("end", { stream: this.number, ...this.ended });
  }

  merged() {
    const whole = new Uint8Array(this.size);
    let at = 0;
    for (const part of this.parts) {
      whole.set(part, at);
      at += part.byteLength;
    }
    this.parts = [];
    this.size = 0;
    return whole.buffer;
  }
}
