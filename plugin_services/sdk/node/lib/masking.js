/** Keeps secrets out of what leaves the process as text. */

const HIDDEN = "******";
const KEPT = 256;

/** Replaces secrets, and the spellings under which they turn up, in texts. */
export class Mask {
  // Old secrets stay: a line about a connection made with one may come late.
  #secrets = new Set();
  #pattern = null;

  constructor(secrets = []) {
    this.add(secrets);
  }

  add(secrets) {
    const before = this.#secrets.size;
    for (const secret of secrets) if (secret) this.#secrets.add(secret);
    if (this.#secrets.size === before) return;
    this.#secrets = new Set([...this.#secrets].slice(-KEPT));
    const spellings = [...new Set([...this.#secrets].flatMap(spellingsOf))];
    spellings.sort((one, other) => other.length - one.length);
    this.#pattern = new RegExp(spellings.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"), "g");
  }

  text(text) {
    return this.#pattern ? text.replace(this.#pattern, HIDDEN) : text;
  }

  /** The same for every text inside a JSON-like value. */
  deep(value) {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.deep(item));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key), this.deep(item)]));
  }
}

function spellingsOf(secret) {
  // A key in PEM form is printed line by line.
  const lines = secret.split(/\r?\n/).filter((line) => line.length >= 8);
  return [secret, percentEncoded(secret), JSON.stringify(secret).slice(1, -1), ...lines];
}

function percentEncoded(secret) {
  try {
    return encodeURIComponent(secret);
  } catch {
    return secret; // Half of a surrogate pair has no such spelling.
  }
}

/** Of this process: secrets come in through Configure, lines go out through the log. */
export const logMask = new Mask();
