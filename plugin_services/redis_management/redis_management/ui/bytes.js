// Redis holds bytes. Here they become text that people can read and write, and bytes again, without loss.

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
export const MODES = { text: "Text", json: "JSON", escaped: "Escaped", hex: "Hex", base64: "Base64" };

/** Bytes of a blob of the API. */
export function bytesOf(blob) {
  if (blob.encoding === "utf-8") return encoder.encode(blob.data);
  return fromBase64(blob.data);
}

/** A blob input of the API. */
export function blobOf(bytes) {
  const text = decoded(bytes);
  return text === null ? { encoding: "base64", data: toBase64(bytes) } : { encoding: "utf-8", data: text };
}

export function textBlob(text) {
  return { encoding: "utf-8", data: text };
}

function decoded(bytes) {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** One line for lists: text as it is, anything else escaped. */
export function shown(blob) {
  const text = blob.encoding === "utf-8" && !/[\u0000-\u001f\u007f]/.test(blob.data) ? blob.data : escaped(bytesOf(blob));
  return text === "" ? "(empty)" : blob.truncated ? `${text}…` : text;
}

/** The mode that shows the bytes best and lets them be edited without loss. */
export function bestMode(bytes) {
  const text = decoded(bytes);
  // A text field turns \r\n into \n and cannot show control characters.
  if (text === null || /[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) return "escaped";
  return prettyJson(text) === null ? "text" : "json";
}

/** Modes that can show these bytes. */
export function modesOf(bytes) {
  const text = decoded(bytes);
  const plain = text !== null && !/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text);
  return Object.keys(MODES).filter(
    (mode) => (mode !== "text" || plain) && (mode !== "json" || (text !== null && prettyJson(text) !== null)),
  );
}

export function toText(bytes, mode) {
  if (mode === "text") return decoded(bytes);
  if (mode === "json") return prettyJson(decoded(bytes));
  if (mode === "hex") return hex(bytes);
  if (mode === "base64") return toBase64(bytes);
  return escaped(bytes);
}

/** Bytes of what was typed; throws an Error in words. */
export function fromText(text, mode) {
  if (mode === "hex") return fromHex(text);
  if (mode === "base64") return fromBase64(text.replace(/\s/g, ""));
  if (mode === "escaped") return fromEscaped(text);
  return encoder.encode(text);
}

const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };

/** As redis-cli writes it: what is no character becomes \xHH. */
export function escaped(bytes) {
  let out = "";
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(lengthOf(bytes[at]), bytes.length - at);
    const text = decoded(bytes.subarray(at, at + length));
    if (text === null || /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufeff]/.test(text)) {
      out += `\\x${bytes[at].toString(16).padStart(2, "0")}`;
      at += 1;
    } else {
      out += NAMED[text] ?? text;
      at += length;
    }
  }
  return out;
}

function lengthOf(byte) {
  return byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
}

const UNNAMED = { n: 10, r: 13, t: 9, "\\": 92 };

function fromEscaped(text) {
  const parts = [];
  for (const piece of text.split(/(\\x[0-9a-fA-F]{2}|\\[\s\S]?)/)) {
    if (!piece.startsWith("\\")) parts.push(...encoder.encode(piece));
    else if (piece[1] === "x" && piece.length === 4) parts.push(parseInt(piece.slice(2), 16));
    else if (piece[1] in UNNAMED) parts.push(UNNAMED[piece[1]]);
    else throw new Error(`"${piece}" is no escape; use \\xHH, \\n, \\r, \\t or \\\\.`);
  }
  return Uint8Array.from(parts);
}

function hex(bytes) {
  let out = "";
  for (let at = 0; at < bytes.length; at += 1) {
    out += bytes[at].toString(16).padStart(2, "0") + ((at + 1) % 16 ? " " : "\n");
  }
  return out.trimEnd();
}

function fromHex(text) {
  const digits = text.replace(/\s/g, "");
  if (!/^([0-9a-fA-F]{2})*$/.test(digits)) throw new Error("Hex takes pairs of 0-9 and a-f.");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function toBase64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}

function fromBase64(text) {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new Error("This is not Base64.");
  }
}

/** JSON with line breaks, its numbers and strings untouched (a parse would round big numbers); null if it is none. */
export function prettyJson(text) {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  return text.replace(/"(?:[^"\\]|\\.)*"|[^\s[\]{},:"]+|[[\]{},:]|\s+/g, (token, at) => {
    if (/^\s/.test(token)) return "";
    if (token === ":") return ": ";
    if (token === ",") return `,${line()}`;
    const empty = /^[[{]\s*[\]}]/.test(text.slice(at, at + 100));
    if (token === "[" || token === "{") {
      depth += 1;
      return empty ? token : token + line();
    }
    if (token === "]" || token === "}") {
      depth -= 1;
      return /[[{]\s*$/.test(text.slice(Math.max(0, at - 100), at)) ? token : line() + token;
    }
    return token;
  });
}
