/** Who calls, proven by the gateway's signature: for this plugin, this release, about a minute. */

import { createPublicKey, verify } from "node:crypto";

import { callOf } from "./context.js";
import { CallerUnproven } from "./errors.js";

/** Seconds by which the gateway's clock may differ from this one. */
const LEEWAY = 10;
const LONGEST = 4096;
const REMEMBERED = 1024;
const TEXTS = ["iss", "sub", "role", "aud", "release"];
const NUMBERS = ["iat", "exp"];

/** The gateway's public keys, as Configure brought them, and what tokens have to name. */
export class TrustedKeys {
  #plugin = "";
  #release = "";
  #keys = new Map();
  #good = new Map();

  /** Trust these from now on, and no others. */
  take(plugin, release, keys) {
    this.#plugin = plugin;
    this.#release = release;
    this.#keys = new Map(keys.map((key) => [key.id, ed25519(key.public_key)]));
    this.#good.clear();
  }

  /** Whom the token proves, at a time in Unix seconds; throws CallerUnproven. */
  check(token, now = Date.now() / 1000) {
    const known = this.#good.get(token);
    if (known && now < known.until) return known.caller;
    if (!token) throw new CallerUnproven("nobody is signed in, or the gateway proves nothing");
    const claims = this.#claims(token);
    this.#judge(claims, now);
    const caller = Object.freeze({ user: claims.sub, role: claims.role });
    if (this.#good.size >= REMEMBERED) this.#good.clear();
    this.#good.set(token, { caller, until: claims.exp + LEEWAY });
    return caller;
  }

  /** What a token says that one of the keys has signed. */
  #claims(token) {
    const parts = token.length > LONGEST ? [] : token.split(".");
    const head = parts.length === 3 ? object(parts[0]) : null;
    if (head?.alg !== "EdDSA" || head.typ !== "plugway-call+jwt") {
      throw new CallerUnproven("this is no token of a call");
    }
    const key = this.#keys.get(String(head.kid));
    if (!key) throw new CallerUnproven("the token was signed with a key that the gateway did not name");
    const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
    const claims = verify(null, signed, key, Buffer.from(parts[2], "base64url")) ? object(parts[1]) : null;
    if (!claims) throw new CallerUnproven("the signature of the token does not hold");
    return claims;
  }

  #judge(claims, now) {
    const whole = TEXTS.every((name) => typeof claims[name] === "string");
    if (!whole || !NUMBERS.every((name) => Number.isInteger(claims[name]))) {
      throw new CallerUnproven("the token lacks a claim");
    }
    if (claims.iss !== "plugway" || claims.aud !== this.#plugin) {
      throw new CallerUnproven("the token was made for another plugin");
    }
    if (claims.release !== this.#release) {
      throw new CallerUnproven("the token was made for another release of this plugin");
    }
    if (claims.exp + LEEWAY <= now) throw new CallerUnproven("the token has expired");
    if (claims.iat - LEEWAY > now) throw new CallerUnproven("the token is from the future: the clocks differ");
  }
}

/** Those of this process, which is one plugin. */
export const trustedKeys = new TrustedKeys();

/**
 * Who calls, checked: `{ user, role }`. `request` is a request of Node, Express, Fastify or Koa, or nothing for the
 * call being answered. Throws CallerUnproven where nothing proves it, and NoCall outside of a call.
 */
export function caller(request) {
  return trustedKeys.check(callOf(request).token);
}

function ed25519(bytes) {
  const x = Buffer.from(bytes).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

function object(text) {
  try {
    const value = JSON.parse(Buffer.from(text, "base64url").toString());
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
