// Settings, WebSockets, draining, the page and the metrics.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { callOf, Plugin, PluginMisdefined, SettingsRefused } from "plugway-sdk";
import { harness } from "plugway-sdk/testing";
import { Counter } from "prom-client";
import { WebSocketServer } from "ws";

async function started(t, options = {}, how = {}) {
  const plugin = new Plugin({ id: "tried", version: "1.0.0", ...options });
  const client = await harness(plugin, how);
  t.after(() => client.stop());
  return { plugin, client };
}

const SCHEMA = {
  type: "object",
  required: ["server"],
  additionalProperties: false,
  properties: {
    server: { type: "string" },
    port: { type: "integer", default: 80 },
    login: { type: "object", properties: { password: { type: "string", writeOnly: true, maxLength: 12 } } },
  },
};

test("calls wait for settings that have no default", async (t) => {
  const { plugin, client } = await started(t, { settings: SCHEMA }, { settings: null });
  const answer = await client.fetch("/");
  assert.equal(answer.status, 503);
  assert.equal((await answer.json()).reason, "not-configured");
  assert.throws(() => plugin.settings);
  await client.configure({ server: "one" });
  assert.deepEqual(plugin.settings, { server: "one", port: 80 });
  assert.equal((await client.fetch("/")).status, 404);
});

test("refused settings are told by field, without a secret, and the old ones stay", async (t) => {
  const taken = [];
  const options = {
    settings: SCHEMA,
    onCheck: ({ server, login }) => {
      if (server === "bad") throw new SettingsRefused({ "/server": `nobody answers to ${login.password}` });
      if (server === "worse") throw new Error(`${login.password} broke it`);
    },
    onConfigure: ({ server }) => taken.push(server),
  };
  const { plugin, client } = await started(t, options, { settings: { server: "good" } });
  const login = { password: "swordfish" };
  const wrong = [
    [{ server: "bad", login }, { "/server": "nobody answers to ******" }],
    [{ server: "worse", login }, { "": "the plugin could not take them: Error: ****** broke it" }],
    [{ port: "x" }, { "/server": "is missing", "/port": "must be integer" }],
    [{ server: "x", more: 1 }, { "/more": "unknown setting" }],
    [{ server: "x", login: { password: "swordfish-and-more" } }, { "/login/password": "must NOT have more than 12 characters" }],
  ];
  for (const [settings, errors] of wrong) {
    assert.deepEqual(await client.configure(settings), { accepted: false, errors, restartRequired: false });
  }
  assert.equal((await client.configure({ server: "trial" }, { dryRun: true })).accepted, true);
  assert.equal((await client.configure({ server: "x" }, { schemaVersion: 2 })).accepted, false);
  assert.deepEqual(taken, ["good"]);
  assert.equal(plugin.settings.server, "good");
});

test("old settings are migrated, and a restart is asked for where the plugin says so", async (t) => {
  const options = {
    settings: SCHEMA,
    settingsVersion: 2,
    settingsReadsFrom: 1,
    migrate: ({ host, ...rest }) => ({ server: host, ...rest }),
    restartOnSettingsChange: true,
  };
  const { plugin, client } = await started(t, options, { settings: null });
  assert.equal((await client.configure({ host: "old" }, { schemaVersion: 1 })).accepted, true);
  assert.equal(plugin.settings.server, "old");
  assert.equal((await client.configure({ server: "new" })).restartRequired, true);
  assert.equal(plugin.settings.server, "old");
});

test("the usual WebSocket library works on the plugin's server", async (t) => {
  const { plugin, client } = await started(t);
  const closed = new Promise((resolve) => {
    const sockets = new WebSocketServer({ server: plugin.server, path: "/echo" });
    sockets.on("connection", (socket, request) => {
      socket.send(callOf(request).user);
      socket.on("message", (data, binary) => socket.send(data, { binary }));
      socket.on("close", (code, reason) => resolve([code, reason.toString()]));
    });
  });
  const socket = await client.websocket("/echo", { subprotocols: ["first", "second"] });
  assert.equal(socket.subprotocol, "first");
  assert.equal(await socket.next(), "ann");
  socket.send("grüße");
  assert.equal(await socket.next(), "grüße");
  // Longer than one frame, so it comes back in parts.
  const long = Buffer.alloc(3 * 2 ** 20, "y");
  socket.send(long);
  assert(long.equals(await socket.next()));
  socket.close(4001, "enough");
  assert.deepEqual(await closed, [4001, "enough"]);
  await assert.rejects(client.websocket("/elsewhere"), { status: 400 });
});

test("a WebSocket where there is none is refused as a call is", async (t) => {
  const { client } = await started(t);
  await assert.rejects(client.websocket("/"), { status: 404 });
});

test("while it drains: streams get notice, sockets 1012, what runs ends, what is new is refused", async (t) => {
  let finish;
  const { plugin, client } = await started(t, {
    handler: (request, response) => {
      if (request.url === "/slow") finish = () => response.end("done");
      else response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      plugin.server.emit("seen", request.url);
    },
  });
  new WebSocketServer({ server: plugin.server });
  const socket = await client.websocket("/");
  const events = await client.fetch("/events");
  const seen = once(plugin.server, "seen");
  const slow = client.fetch("/slow");
  await seen;
  const drained = client.drain({ deadline: 60_000, streamDeadline: 60_000 });
  assert.match(await events.text(), /^data: 1\n\nretry: \d{3,4}\n\n$/);
  assert.equal((await socket.next()).code, 1012);
  assert.equal(await client.health("tried"), "NOT_SERVING");
  await assert.rejects(client.fetch("/"), (error) => error.metadata.get("plugway-refused")[0] === "draining");
  finish();
  assert.equal(await (await slow).text(), "done");
  assert.deepEqual(await drained, { finished: 3, cut: 0 });
});

test("what is left at the deadline is cut, and its handler hears", async (t) => {
  let aborted;
  const over = new Promise((resolve) => (aborted = resolve));
  const { plugin, client } = await started(t, {
    handler: async (request) => {
      plugin.server.emit("seen");
      await once(callOf(request).signal, "abort");
      aborted();
    },
  });
  const seen = once(plugin.server, "seen");
  const cut = assert.rejects(client.fetch("/"));
  await seen;
  assert.deepEqual(await client.drain({ deadline: 50, streamDeadline: 50 }), { finished: 0, cut: 1 });
  await Promise.all([cut, over]);
});

test("the author's metrics stand beside the SDK's", async (t) => {
  const { plugin, client } = await started(t, { handler: (request, response) => response.end() });
  new Counter({ name: "tea", help: "Cups.", registers: [plugin.registry] }).inc();
  await client.fetch("/");
  const text = await client.metrics();
  assert.match(text, /^tea_total 1$/m);
  assert.match(text, /^plugway_plugin_calls_total\{class="2xx"\} 1$/m);
  assert.match(text, /^# EOF$/m);
});

test("a definition that cannot hold is told at once", () => {
  assert.throws(() => new Plugin({ id: "No", version: "1.0.0" }), PluginMisdefined);
  assert.throws(() => new Plugin({ id: "tried", version: "1.0.0", titel: "x" }), /no option 'titel'/);
});
