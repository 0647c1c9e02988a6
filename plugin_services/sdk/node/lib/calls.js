/** The calls that run, and how they end in good order. */

/**
 * Every open call of one server. A call enters itself and leaves when nothing of it is left. It has `isStream` (no
 * end of its own: an event stream or a WebSocket), `giveNotice()` (end in good order, soon) and `cut()` (end now).
 */
export class Calls {
  #open = new Set();
  #onLeaving = new Set();
  draining = false;
  onDraining = () => {};

  get size() {
    return this.#open.size;
  }

  enter(call) {
    this.#open.add(call);
  }

  leave(call) {
    if (this.#open.delete(call)) for (const look of [...this.#onLeaving]) look();
  }

  /** Take no new calls, wait for those that run, cut the rest. Milliseconds; may be called again. */
  async drain(deadline, streamDeadline) {
    if (!this.draining) {
      this.draining = true;
      this.onDraining();
    }
    const all = [...this.#open];
    const streams = all.filter((call) => call.isStream);
    for (const call of streams) call.giveNotice();
    const plain = all.filter((call) => !call.isStream);
    const cut = (await Promise.all([this.#end(plain, deadline), this.#end(streams, streamDeadline)])).flat();
    return { finished: all.length - cut.length, cut: cut.length };
  }

  /** Wait for these, cut what is left after so many milliseconds, and return those. */
  async #end(calls, milliseconds) {
    const running = () => calls.filter((call) => this.#open.has(call));
    await new Promise((resolve) => {
      const look = () => {
        if (running().length) return;
        clearTimeout(timer);
        this.#onLeaving.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#onLeaving.delete(look);
        resolve();
      }, milliseconds);
      this.#onLeaving.add(look);
      look();
    });
    const left = running();
    for (const call of left) call.cut();
    return left;
  }
}
