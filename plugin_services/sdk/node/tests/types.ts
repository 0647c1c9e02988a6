// What an author in TypeScript writes; each marked line is wrong, and the types must say so.
import express from "express";
import { caller, callOf, egress, log, Plugin, serve, SettingsRefused } from "plugway-sdk";
import { harness } from "plugway-sdk/testing";
import { Counter } from "prom-client";

interface Settings {
  server: string;
}

const plugin = new Plugin<Settings>({
  id: "typed",
  version: "1.0.0",
  handler: (request, response) => response.end(caller(request).user + callOf().basePath),
  settings: { type: "object" },
  onCheck: ({ server }) => {
    if (!server) throw new SettingsRefused({ "/server": "is missing" });
  },
  routes: [{ pathPrefix: "/", access: "public" }],
});
new Plugin({ id: "express", version: "1.0.0", handler: express() });
new Counter({ name: "tea", help: "Cups.", registers: [plugin.registry] });
const server: string = plugin.settings.server;
const agent: import("node:http").Agent = new egress.Agent();
log.info("typed", { server, sockets: agent.maxSockets });
const typed = { descriptors: Buffer.alloc(0), services: { "shop.v1.Stock": { getItem: () => ({}) } } };
new Plugin({ id: "shop", version: "1.0.0", typed });
const client = await harness(plugin, { user: "" });
const status: number = (await client.fetch("/")).status;
for await (const item of client.typed("shop.v1.Stock", "WatchItems", {})) log.info(item.name);
// @ts-expect-error there is no such setting
plugin.settings.port;
// @ts-expect-error the version is missing
new Plugin({ id: "typed" });
// @ts-expect-error no such access
new Plugin({ id: "typed", version: "1.0.0", routes: [{ pathPrefix: "/", access: "all" }] });
// @ts-expect-error reasons are words
new SettingsRefused({ "/server": status });
await serve(plugin);
