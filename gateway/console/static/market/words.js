// What is said of plugins that could be installed.

import { h, icon } from "../dom.js";
import { tierBadge } from "../trust/words.js";

const SIGNATURES = {
  "built-in": ["check", "Ships with the gateway"],
  named: ["lock", "A signature is offered; it is judged when you install it"],
  beside: ["lock", "A signature is looked for beside the image when you install it"],
  none: ["alert", "No signature is offered"],
};

/** Badges: where it comes from, and what is known of a signature. */
export function badges(offer) {
  const builtIn = offer.tier === "built-in";
  const [symbol, words] = SIGNATURES[offer.signature] ?? ["dash", offer.signature];
  const signed = !builtIn && h("span.badge", { data: { signed: offer.signature }, title: words }, icon(symbol), offer.signature === "none" ? "Unsigned" : "Signature");
  return h("div.badges", tierBadge(offer), signed);
}

export function signatureWords({ signature }) {
  return SIGNATURES[signature]?.[1] ?? signature;
}

/** Permissions as a list of sentences. */
export function grants({ egress, volumes, origins }, lead = "It will be granted:") {
  const lines = [
    ...egress.map((address) => ["open", `It may connect to ${named(address)}.`]),
    ...volumes.map((name) => ["lock", `It keeps data in the volume “${name}”.`]),
    ...origins.map((origin) => ["alert", `Its page may ${loads(origin)}, which learns who looks at it.`]),
  ];
  if (!lines.length) return h("p", "It asks for nothing outside its own sandbox.");
  return h("div.stack", h("p", lead), h("ul", lines.map(([symbol, words]) => h("li.grant", icon(symbol), words))));
}

/** The same in one line. */
export function grantLine({ egress, volumes, origins }) {
  const parts = [...egress.map((address) => `connects to ${named(address)}`), ...volumes.map((name) => `keeps the volume ${name}`), ...origins.map((origin) => `its page may ${loads(origin)}`)];
  return parts.join("; ") || "none";
}

function loads(origin) {
  const [directive, host] = origin.split(" ");
  if (directive === "frame-src") return `show pages of ${host}`;
  return `load ${{ "img-src": "pictures", "media-src": "sound and video" }[directive] ?? directive} from ${host}`;
}

function named(address) {
  return address.startsWith("settings:") ? `the address that its setting ${address.slice(10)} names` : address;
}

export function from(offer) {
  return offer.catalogue ? offer.catalogueTitle || offer.catalogue : "this gateway";
}

/** Why it should not, or cannot, be installed; null where nothing speaks against it. */
export function objection(one) {
  if (one.yanked) return `Withdrawn: ${one.yanked}`;
  return one.problem ? one.problem[0].toUpperCase() + one.problem.slice(1) : null;
}
