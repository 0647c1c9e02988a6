// What a plugin's frame may send, and the error it gets beyond that.

export const LIMITS = Object.freeze({
  path: 8192, // characters of a path in the plugin's API
  headers: 64, // header fields of a call
  headerText: 16384, // characters of all of them
  text: 16 * 2 ** 20, // characters of a text body; larger ones come as a Blob
  formFields: 1000,
  notice: 500, // characters of a toast
  question: 1000, // characters of a confirmation
  url: 2048,
  storedKeys: 256,
  stored: 2 ** 20, // characters of all that a plugin keeps, as JSON
  burst: 400, // messages at once
  rate: 200, // messages a second over time
  perToken: 65536, // characters that cost as much as a message more
  depth: 100, // levels of a value in a message
  refusals: 2000, // messages over the rate before the port is closed
  // A browser opens six connections to a host over HTTP/1.1; some stay for the console.
  open: 4, // calls at a time
  events: 2, // of them event streams
  queue: 256, // calls that wait
  streams: 256, // answers that the frame has not read to the end
  inline: 256 * 1024, // bytes of an answer that goes over in one message
  ahead: 256 * 1024, // bytes read from the gateway before the frame asks for them
});

export const CODE = Object.freeze({
  shape: -32600,
  method: -32601,
  params: -32602,
  network: -32000,
  limit: -32001,
  refused: -32002,
  retired: -32003, // the frame leaves such a call open: its page is about to be loaded again
});

export class Refusal extends Error {
  constructor(message, code = CODE.params) {
    super(message);
    this.code = code;
  }
}

/** The value, where it is a text of at most that many characters. */
export function text(value, most) {
  if (typeof value !== "string") throw new Refusal("A text was expected.");
  if (value.length > most) throw new Refusal(`The text is longer than ${most} characters.`, CODE.limit);
  return value;
}

/** Tokens that refill with time. */
export class Rate {
  constructor(burst = LIMITS.burst, rate = LIMITS.rate, now = () => performance.now()) {
    Object.assign(this, { burst, rate, now, tokens: burst, at: now() });
  }

  take() {
    const at = this.now();
    this.tokens = Math.min(this.burst, this.tokens + ((at - this.at) / 1000) * this.rate);
    this.at = at;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  /** Takes tokens for something that was let through already; what is missing is owed. */
  charge(tokens) {
    this.tokens = Math.max(-this.burst, this.tokens - tokens);
  }
}
