/** Two connected ends in memory, with back-pressure: what a TCP connection is between processes. */

import { Duplex } from "node:stream";

/** How far one side may write ahead of the other, in bytes. */
const AHEAD = 64 * 1024;

/** `near` is the gateway's side, `far` the app's. */
export function pipe() {
  const near = new Near({ highWaterMark: AHEAD });
  const far = new Far({ highWaterMark: AHEAD });
  near.peer = far;
  far.peer = near;
  return { near, far };
}

class End extends Duplex {
  peer = null;
  #taken = null;

  _write(chunk, encoding, callback) {
    // Never within the writer's own call: no socket does that, and libraries count on it.
    process.nextTick(() => {
      if (this.peer.destroyed || this.peer.readableEnded) {
        callback(Object.assign(new Error("the other side is gone"), { code: "EPIPE" }));
      } else if (this.peer.push(chunk)) callback();
      else this.peer.#taken = callback;
    });
  }

  _read() {
    const taken = this.#taken;
    this.#taken = null;
    taken?.();
  }

  _final(callback) {
    this.peer.finish();
    callback();
  }

  _destroy(error, callback) {
    this._read();
    // Not at once: the reader may be in the middle of the chunk before.
    process.nextTick(() => this.peer.left());
    callback(error);
  }

  finish() {
    if (!this.destroyed && !this.readableEnded) this.push(null);
  }

  // What http and its agents ask of a socket, and what has no meaning in memory.
  setTimeout() {
    return this;
  }
  setNoDelay() {
    return this;
  }
  setKeepAlive() {
    return this;
  }
  ref() {
    return this;
  }
  unref() {
    return this;
  }
}

class Near extends End {
  /** The app closed: what it wrote before is still read. */
  left() {
    this.finish();
  }
}

class Far extends End {
  /** The client left: the app notices at once. */
  left() {
    this.destroy();
  }
}
