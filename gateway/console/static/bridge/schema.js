// What a message of a frame looks like: every method with its parameters, and nothing beside them.

import { CODE, LIMITS, Refusal } from "./limits.js";

const MEMBERS = new Set(["jsonrpc", "id", "method", "params"]);
const SMALL = 16384; // characters of a message that carries no content of its own
const LARGE = { fetch: LIMITS.text + 65536, "storage.set": 3 * LIMITS.stored };

// "?" marks what may be left out. Lengths are the business of who uses the value.
const SHAPES = Object.freeze({
  fetch: { path: "string", method: "string", headers: "array", "body?": "any" },
  cancel: { id: "integer" },
  pull: { stream: "integer" },
  stop: { stream: "integer" },
  ready: {},
  failed: { message: "string" },
  reload: {},
  navigate: { path: "string" },
  notify: { text: "string", kind: "string" },
  confirm: { text: "string", "accept?": "string", "danger?": "boolean" },
  openLink: { url: "string" },
  download: { name: "string", blob: "blob" },
  "storage.get": { key: "string" },
  "storage.set": { key: "string", value: "any" },
  "storage.remove": { key: "string" },
});

const KINDS = {
  any: () => true,
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  integer: Number.isInteger,
  array: Array.isArray,
  blob: (value) => value instanceof Blob,
};

/** {method, params, size} of a message that has its method's shape; throws a Refusal for any other. */
export function checked(message) {
  const { jsonrpc, method, params } = Object(message);
  const whole = jsonrpc === "2.0" && typeof method === "string" && Object.keys(message).every((name) => MEMBERS.has(name));
  if (!whole) throw new Refusal("Not a JSON-RPC 2.0 call.", CODE.shape);
  if (!Object.hasOwn(SHAPES, method)) throw new Refusal("No such method.", CODE.method);
  if (Object.prototype.toString.call(params) !== "[object Object]") throw new Refusal("params is an object.");
  const left = new Set(Object.keys(params));
  for (const [mark, kind] of Object.entries(SHAPES[method])) {
    const name = mark.replace("?", "");
    if (!left.delete(name) ? name === mark : !KINDS[kind](params[name])) {
      throw new Refusal(`${method} needs ${name}, of the kind ${kind}.`);
    }
  }
  if (left.size) throw new Refusal(`${method} has a parameter that it does not know.`);
  return { method, params, size: sizeOf(params, Object.hasOwn(LARGE, method) ? LARGE[method] : SMALL) };
}

/**
 * About how many characters a value has as JSON; throws as soon as they are more than `most`.
 * What is named twice counts twice: a small message can stand for a text without end.
 */
export function sizeOf(value, most) {
  let size = 0;
  const add = (more) => {
    size += more;
    if (size > most) throw new Refusal(`The message is longer than ${most} characters.`, CODE.limit);
  };
  const walk = (part, depth) => {
    if (typeof part === "string" || part instanceof String) return add(part.length + 2);
    if (typeof part !== "object" || part === null || part instanceof Blob) return add(4);
    if (part instanceof ArrayBuffer || ArrayBuffer.isView(part)) return add(8 * part.byteLength + 2);
    if (depth >= LIMITS.depth) throw new Refusal("The message is nested too deeply.", CODE.limit);
    // Also the places of an array that hold nothing are written.
    add(Array.isArray(part) ? part.length + 2 : 2);
    for (const key of Object.keys(part)) {
      add(key.length + 3);
      walk(part[key], depth + 1);
    }
  };
  walk(value, 0);
  return size;
}
