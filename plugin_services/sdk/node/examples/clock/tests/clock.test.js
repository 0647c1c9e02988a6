// The whole plugin over the real contract.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { harness } from "plugway-sdk/testing";

import { plugin } from "../clock.js";

let client;
let directory;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "clock-"));
  process.env.PLUGWAY_VOLUMES = directory;
  client = await harness(plugin, { settings: { zones: ["UTC", "Asia/Tokyo"] } });
});

after(async () => {
  await client.stop();
  await rm(directory, { recursive: true });
});

test("tells the time in the zones of the settings, and in one that is asked for", async () => {
  const { times } = await (await client.fetch("/now")).json();
  assert.deepEqual(times.map(({ zone }) => zone), ["UTC", "Asia/Tokyo"]);
  const [utc, tokyo] = times.map(({ time }) => Date.parse(`${time.replace(" ", "T")}Z`));
  assert.equal(tokyo - utc, 9 * 3_600_000);
  assert.equal((await (await client.fetch("/now?zone=Europe/Berlin")).json()).times.length, 1);
  assert.equal((await client.fetch("/now?zone=Moon")).status, 422);
});

test("ticks", async () => {
  const reader = (await client.fetch("/ticks")).body.getReader();
  for (let tick = 0; tick < 2; tick += 1) {
    const { value } = await reader.read();
    assert.match(Buffer.from(value).toString(), /^data: \{"times":/);
  }
  await reader.cancel();
});

test("refuses zones that there are not", async () => {
  const answer = await client.configure({ zones: ["UTC", "Moon"] });
  assert.deepEqual(answer.errors, { "/zones/1": "there is no time zone 'Moon'" });
});

test("keeps a sound, and the one before where an upload breaks off", async () => {
  assert.equal((await client.fetch("/sound")).status, 404);
  async function* sound() {
    for (let part = 0; part < 40; part += 1) yield Buffer.alloc(64 * 1024, part);
  }
  assert.equal((await client.fetch("/sound", { method: "PUT", body: sound() })).status, 204);
  async function* broken() {
    yield "half";
    throw new Error("the client has gone");
  }
  await assert.rejects(client.fetch("/sound", { method: "PUT", body: broken() }));
  const kept = Buffer.from(await (await client.fetch("/sound")).arrayBuffer());
  assert.equal(kept.length, 40 * 64 * 1024);
  assert.equal(kept.at(-1), 39);
});

test("rings when the time is up, and says what it does not understand", async () => {
  const socket = await client.websocket("/alarms");
  socket.send(JSON.stringify({ in: 0.05, text: "tea" }));
  assert.deepEqual(JSON.parse(await socket.next()), { text: "tea" });
  socket.send("nonsense");
  assert.match(await socket.next(), /problem/);
  socket.close();
});

test("compares with another server", async (t) => {
  let seen;
  const server = http.createServer((request, response) => {
    seen = request.headers.authorization;
    response.setHeader("date", new Date(Date.now() + 90_000).toUTCString());
    response.end();
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const reference = `http://127.0.0.1:${server.address().port}/`;
  await client.configure({ reference, token: "of-the-test" });
  const { seconds } = await (await client.fetch("/drift")).json();
  assert(seconds > 85 && seconds < 95, `${seconds} s`);
  assert.equal(seen, "Bearer of-the-test");
  server.close();
  server.closeAllConnections();
  assert.equal((await (await client.fetch("/drift")).json()).seconds, null);
});
