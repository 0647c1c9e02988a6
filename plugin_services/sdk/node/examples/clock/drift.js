// How far another server's clock is off: a call to the outside, through the gateway's relay.
import http from "node:http";
import https from "node:https";

import { egress } from "plugway-sdk";

const agents = { "http:": new egress.Agent(), "https:": new egress.HttpsAgent() };
const TIMEOUT = 10_000;

/** Seconds by which the reference is ahead, to the second; null with the reason where it did not tell. */
export async function drift({ reference, token }) {
  if (!reference) return { seconds: null, reason: "no server to compare with is set" };
  try {
    const before = Date.now();
    const date = await dateOf(new URL(reference), token);
    const middle = (before + Date.now()) / 2;
    return { seconds: Math.round((date - middle) / 1000), reason: "" };
  } catch (error) {
    return { seconds: null, reason: error.message };
  }
}

function dateOf(url, token) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const { request } = url.protocol === "https:" ? https : http;
  const signal = AbortSignal.timeout(TIMEOUT);
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "HEAD", headers, agent: agents[url.protocol], signal }, (answer) => {
      answer.resume();
      const date = Date.parse(answer.headers.date ?? "");
      if (Number.isNaN(date)) reject(new Error("the server names no date"));
      else resolve(date);
    });
    sent.on("error", reject);
    sent.end();
  });
}
