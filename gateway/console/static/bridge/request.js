// From the frame's words to a request to that plugin's own API, and to nothing else.

import { CODE, LIMITS, Refusal, text } from "./limits.js";

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const OWN_HEADERS = /^(authorization|cookie|host|origin|referer|x-plugway-.*|x-forwarded-.*|sec-.*|proxy-.*)$/i;

/** The address of a path in a plugin's API; throws where it would leave it. */
export function apiAddress(plugin, path, origin = location.origin) {
  if (!text(path, LIMITS.path).startsWith("/")) throw new Refusal("A path starts with '/'.");
  const root = `/plugins/${plugin}/api/`;
  const address = new URL(origin + root.slice(0, -1) + path);
  address.hash = "";
  // Dots that a server would decode once more must not lead out either.
  const climbs = /(^|[/\\])\.\.([/\\]|$)/.test(decoded(address.pathname));
  if (address.origin !== origin || !address.pathname.startsWith(root) || climbs) {
    throw new Refusal("The path leads out of the plugin's API.");
  }
  return address;
}

/** {address, init} for fetch, from what the frame asked for. */
export function requestOf(plugin, { path, method, headers, body }, release) {
  const address = apiAddress(plugin, path);
  if (!METHODS.has(method)) throw new Refusal("No such HTTP method.");
  const init = {
    method,
    headers: headersOf(headers),
    body: bodyOf(body),
    credentials: "same-origin",
    // A redirect could lead to the gateway's own pages with the user's session.
    redirect: "manual",
    cache: "no-store",
  };
  if (release) init.headers.set("x-plugway-release", release);
  if (init.body !== undefined && (method === "GET" || method === "HEAD")) throw new Refusal(`${method} has no body.`);
  return { address, init };
}

/** An address outside the console that a link may open. */
export function externalLink(url) {
  let address;
  try {
    address = new URL(text(url, LIMITS.url));
  } catch {
    throw new Refusal("A link is a whole URL.");
  }
  if (!["https:", "http:", "mailto:"].includes(address.protocol)) throw new Refusal("Only web and mail links open.");
  // A click inside a plugin must not act on the console's own pages.
  if (address.origin === location.origin) throw new Refusal("Links into the console do not open; use navigate.");
  return address;
}

function decoded(path) {
  try {
    return decodeURIComponent(decodeURIComponent(path));
  } catch {
    return path;
  }
}

function headersOf(pairs) {
  if (!Array.isArray(pairs)) throw new Refusal("Headers are a list of pairs.");
  if (pairs.length > LIMITS.headers) throw new Refusal("Too many headers.", CODE.limit);
  const headers = new Headers();
  let size = 0;
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) throw new Refusal("A header is a name and a value.");
    const [name, value] = pair.map((part) => text(part, LIMITS.headerText));
    size += name.length + value.length;
    if (!OWN_HEADERS.test(name)) headers.append(name, value);
  }
  if (size > LIMITS.headerText) throw new Refusal("The headers are too long.", CODE.limit);
  return headers;
}

function bodyOf(body) {
  if (body === null || body === undefined) return undefined;
  if (body.kind === "text") return text(body.text, LIMITS.text);
  if (body.kind === "params") return new URLSearchParams(text(body.text, LIMITS.text));
  if (body.kind === "blob" && body.blob instanceof Blob) return body.blob;
  if (body.kind === "form") return formOf(body.entries);
  throw new Refusal("No such kind of body.");
}

function formOf(entries) {
  if (!Array.isArray(entries)) throw new Refusal("A form is a list of entries.");
  if (entries.length > LIMITS.formFields) throw new Refusal("Too many form fields.", CODE.limit);
  const form = new FormData();
  for (const entry of entries) {
    if (!Array.isArray(entry)) throw new Refusal("A form is a list of entries.");
    const [key, value, name] = entry;
    if (value instanceof Blob) form.append(text(key, 1000), value, text(name ?? "", 1000) || "blob");
    else form.append(text(key, 1000), text(value, LIMITS.text));
  }
  return form;
}
