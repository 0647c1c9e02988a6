// What the README says of frameworks: their apps are handlers as they are.
import assert from "node:assert/strict";
import { test } from "node:test";

import express from "express";
import fastify from "fastify";
import Koa from "koa";
import { caller, callOf, Plugin } from "plugway-sdk";
import { harness } from "plugway-sdk/testing";

function told(request) {
  return { user: caller(request).user, base: callOf(request).basePath };
}

function expressApp() {
  const app = express();
  app.use(express.json());
  app.post("/greet", (request, response) => response.json({ ...told(request), ...request.body, ip: request.ip }));
  return app;
}

function koaApp() {
  const app = new Koa();
  app.use(async (context) => {
    const parts = [];
    for await (const part of context.req) parts.push(part);
    context.body = { ...told(context), ...JSON.parse(Buffer.concat(parts)), ip: context.ip };
  });
  return app.callback();
}

async function fastifyApp() {
  const app = fastify();
  app.post("/greet", async (request) => ({ ...told(request), ...request.body, ip: request.ip }));
  await app.ready();
  return app.routing;
}

for (const [name, make] of Object.entries({ expressApp, koaApp, fastifyApp })) {
  test(name, async (t) => {
    const client = await harness(new Plugin({ id: "tried", version: "1.0.0", handler: await make() }));
    t.after(() => client.stop());
    const headers = { "content-type": "application/json" };
    const answer = await client.fetch("/greet", { method: "POST", headers, body: '{"name": "tea"}' });
    const wanted = { user: "ann", base: "/plugins/test/api", name: "tea", ip: "192.0.2.1" };
    assert.deepEqual(await answer.json(), wanted);
  });
}
