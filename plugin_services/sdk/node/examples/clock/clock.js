// The plugin: what it is, and its routes as one ordinary request handler.
import { setTimeout as sleep } from "node:timers/promises";

import { callOf, Plugin } from "plugway-sdk";

import { rings } from "./alarms.js";
import { drift } from "./drift.js";
import { openapi } from "./openapi.js";
import { refuseUnknownZones, settings } from "./settings.js";
import { sendSound, storeSound } from "./sound.js";
import { isZone, timesIn } from "./zones.js";

const LONGEST_WAIT = 60;

export const plugin = new Plugin({
  id: "clock",
  version: "1.0.0",
  name: "Clock",
  description: "The time in several zones, alarms, and how far another server's clock is off.",
  handler,
  openapi,
  settings,
  onCheck: refuseUnknownZones,
  ui: new URL("./ui/", import.meta.url),
  uiStyles: ["clock.css"],
  permissions: { egress: ["settings:/reference"], volumes: ["data"] },
});
rings(plugin.server);

const routes = {
  "GET /now": now,
  "GET /ticks": ticks,
  "GET /wait": wait,
  "GET /drift": async (request, response) => send(response, 200, await drift(plugin.settings)),
  "GET /sound": sendSound,
  "PUT /sound": storeSound,
};

async function handler(request, response) {
  const { pathname, searchParams } = new URL(`http://plugin${request.url}`);
  const route = routes[`${request.method} ${pathname}`];
  if (route) await route(request, response, searchParams);
  else problem(response, 404, "There is nothing here.");
}

function now(request, response, query) {
  const zone = query.get("zone");
  if (zone !== null && !isZone(zone)) return problem(response, 422, `There is no time zone '${zone}'.`);
  return send(response, 200, { times: timesIn(zone === null ? plugin.settings.zones : [zone]) });
}

/** Server-sent events, one a second, until the client leaves. */
async function ticks(request, response) {
  const { signal } = callOf(request);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  while (!signal.aborted) {
    response.write(`data: ${JSON.stringify({ times: timesIn(plugin.settings.zones) })}\n\n`);
    await sleep(1000 - (Date.now() % 1000), null, { signal }).catch(() => {});
  }
}

/** Answers when the time is up; stops where the client has left. */
async function wait(request, response, query) {
  const seconds = Number(query.get("seconds"));
  if (!(seconds > 0 && seconds <= LONGEST_WAIT)) return problem(response, 422, "Wait for 0 to 60 seconds.");
  await sleep(seconds * 1000, null, { signal: callOf(request).signal });
  return send(response, 200, { waited: seconds });
}

function send(response, status, document, type = "application/json") {
  const body = Buffer.from(JSON.stringify(document));
  response.writeHead(status, { "content-type": type, "content-length": body.length }).end(body);
}

function problem(response, status, detail) {
  send(response, status, { type: "about:blank", status, detail }, "application/problem+json");
}
