// Calls as the gateway makes them: heads, bodies, streams, failures.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { caller, callOf, CallerUnproven, Plugin } from "plugway-sdk";
import { harness } from "plugway-sdk/testing";

async function started(t, handler, options = {}, how = {}) {
  const client = await harness(new Plugin({ id: "tried", version: "1.0.0", handler, ...options }), how);
  t.after(() => client.stop());
  return client;
}

test("a handler sees an ordinary request, and its answer travels as it is", async (t) => {
  const client = await started(t, async (request, response) => {
    const parts = await collect(request);
    response.setHeader("Set-Cookie", ["a=1", "b=2"]);
    response.writeHead(201, { "x-seen": request.headers["x-mine"], "content-type": "application/json" });
    response.end(JSON.stringify({ method: request.method, url: request.url, body: Buffer.concat(parts).toString() }));
  });
  const answer = await client.fetch("/a%2Fb?c=%20d", { method: "POST", headers: { "x-mine": "ö" }, body: "the body" });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get("x-seen"), "ö");
  assert.deepEqual(answer.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.deepEqual(await answer.json(), { method: "POST", url: "/a%2Fb?c=%20d", body: "the body" });
});

async function collect(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

test("who calls is proven, and nobody is not", async (t) => {
  const answer = (request, response) => {
    try {
      response.end(JSON.stringify(caller(request)));
    } catch (error) {
      assert(error instanceof CallerUnproven);
      response.writeHead(401).end();
    }
  };
  const client = await started(t, answer);
  assert.deepEqual(await (await client.fetch("/")).json(), { user: "ann", role: "admin" });
  const nobody = await started(t, answer, {}, { user: "", role: "" });
  assert.equal((await nobody.fetch("/")).status, 401);
});

test("keys of another gateway prove nothing any more", async (t) => {
  const answer = (request, response) => response.end(caller().user);
  const first = await started(t, answer);
  assert.equal(await (await first.fetch("/")).text(), "ann");
  // One process is one plugin: the last Configure counts.
  await started(t, answer);
  assert.equal((await first.fetch("/")).status, 500);
});

test("what a handler throws is a problem without its reason, and the next call is answered", async (t) => {
  const client = await started(t, async (request, response) => {
    if (request.url === "/late") await sleep(1);
    if (request.url === "/after") response.write("half");
    if (request.url !== "/") throw new Error("the secret reason");
    response.end("fine");
  });
  for (const path of ["/now", "/late"]) {
    const answer = await client.fetch(path);
    assert.equal(answer.status, 500);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    assert.doesNotMatch(await answer.text(), /secret/);
  }
  await assert.rejects(async () => (await client.fetch("/after")).text());
  assert.equal(await (await client.fetch("/")).text(), "fine");
});

test("a handler that hangs up is a 500 and no hanging call", async (t) => {
  const client = await started(t, (request) => request.socket.destroy());
  assert.equal((await client.fetch("/")).status, 500);
});

test("a long answer is made as fast as it is read, and whole", async (t) => {
  const size = 32 * 2 ** 20;
  const part = Buffer.alloc(64 * 1024, "x");
  let written = 0;
  const client = await started(t, async (request, response) => {
    while (written < size) {
      written += part.length;
      if (!response.write(part)) await once(response, "drain");
    }
    response.end();
  });
  const answer = await client.fetch("/");
  const reader = answer.body.getReader();
  let read = (await reader.read()).value.length;
  await sleep(300);
  assert(written < 12 * 2 ** 20, `${written} bytes were made while nobody read`);
  for (let next = await reader.read(); !next.done; next = await reader.read()) read += next.value.length;
  assert.equal(read, size);
});

test("an upload is read as fast as it is taken", async (t) => {
  let go;
  const gate = new Promise((resolve) => (go = resolve));
  const client = await started(t, async (request, response) => {
    await gate;
    let size = 0;
    for await (const part of request) size += part.length;
    response.end(String(size));
  });
  const part = Buffer.alloc(256 * 1024);
  let sent = 0;
  async function* parts() {
    for (; sent < 128; sent += 1) yield part;
  }
  const answering = client.fetch("/", { method: "POST", body: parts() });
  await sleep(300);
  assert(sent < 128, "all of it was taken while the handler did not read");
  go();
  assert.equal(await (await answering).text(), String(128 * part.length));
});

test("an upload that breaks off is no whole one for the handler", async (t) => {
  let outcome;
  const over = new Promise((resolve) => (outcome = resolve));
  let begin;
  const begun = new Promise((resolve) => (begin = resolve));
  const client = await started(t, async (request, response) => {
    begin();
    try {
      await collect(request);
      outcome("whole");
    } catch (error) {
      outcome(error.code);
    }
    response.end();
  });
  async function* broken() {
    yield "half";
    await begun;
    throw new Error("the client has gone");
  }
  await assert.rejects(client.fetch("/", { method: "POST", body: broken() }));
  assert.equal(await over, "ECONNRESET");
});

test("a client that leaves aborts the call's signal, before and in the answer", async (t) => {
  let left;
  let begin;
  const client = await started(t, async (request, response) => {
    begin();
    if (request.url === "/stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
    }
    const { signal } = callOf(request);
    await once(signal, "abort");
    left(request.url);
  });
  for (const path of ["/plain", "/stream"]) {
    const begun = new Promise((resolve) => (begin = resolve));
    const seen = new Promise((resolve) => (left = resolve));
    const leaving = new AbortController();
    const answer = client.fetch(path, { signal: leaving.signal });
    answer.catch(() => {});
    await begun;
    if (path === "/stream") await (await answer).body.getReader().read();
    leaving.abort();
    assert.equal(await seen, path);
  }
});

test("trailers, and answers without a body", async (t) => {
  const client = await started(t, (request, response) => {
    response.writeHead(request.method === "HEAD" ? 200 : 304, { "content-length": "7" });
    response.end();
  });
  const answer = await client.fetch("/", { method: "HEAD" });
  assert.equal(answer.headers.get("content-length"), "7");
  assert.equal((await client.fetch("/")).status, 304);
});
