// Connections through a relay that speaks HTTP CONNECT, as the gateway's does.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { egress } from "plugway-sdk";

const REFUSALS = {
  "forbidden.example": [403, "not granted", "EACCES"],
  "gone.example": [502, "cannot be reached", "ECONNREFUSED"],
  "late.example": [504, "no answer in time", "ETIMEDOUT"],
};
let directory;
let relay;
let destination;
let place;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "relay-"));
  place = join(directory, "s");
  destination = http.createServer((request, response) => response.end(`hello ${request.headers.host}`));
  destination.listen(0, "127.0.0.1");
  await once(destination, "listening");
  relay = http.createServer();
  relay.on("connect", (request, socket) => {
    const [status, words] = REFUSALS[request.url.split(":")[0]] ?? [200];
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: ${words.length + 1}\r\n\r\n${words}\n`);
      return;
    }
    // The head and the first bytes in one packet: nothing of them may be lost.
    const to = net.connect(destination.address().port, "127.0.0.1");
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    socket.pipe(to).pipe(socket);
    socket.on("error", () => to.destroy());
    to.on("error", () => socket.destroy());
  });
  process.env.PLUGWAY_EGRESS = `unix:${place}`;
});

after(async () => {
  delete process.env.PLUGWAY_EGRESS;
  relay.close();
  destination.close();
  destination.closeAllConnections();
  await rm(directory, { recursive: true });
});

function get(options) {
  return new Promise((resolve, reject) => {
    const request = http.get(options, async (answer) => {
      const parts = [];
      for await (const part of answer) parts.push(part);
      resolve(Buffer.concat(parts).toString());
    });
    request.on("error", reject);
  });
}

test("a relay that is away for a moment is waited for", async () => {
  const socket = egress.connect("there.example", 80);
  setTimeout(() => relay.listen(place), 300);
  (await socket).destroy();
});

test("agents and forwarded addresses lead through it", async () => {
  const agent = new egress.Agent();
  assert.equal(await get({ host: "there.example", port: 80, agent }), "hello there.example");
  const { host, port } = await egress.forward("there.example", 80);
  assert.equal(host, "127.0.0.1");
  assert.equal(await get({ host, port, agent: false }), `hello 127.0.0.1:${port}`);
  assert.deepEqual(await egress.forward("there.example", 80), { host, port });
});

for (const [host, [status, words, code]] of Object.entries(REFUSALS)) {
  test(`${status} is an error with the relay's words`, async () => {
    await assert.rejects(egress.connect(host, 80), { message: words, code });
    await assert.rejects(get({ host, port: 80, agent: new egress.Agent() }), { code });
  });
}

test("what is no host never reaches the relay", async () => {
  await assert.rejects(egress.connect("a\r\nb", 80), TypeError);
});
