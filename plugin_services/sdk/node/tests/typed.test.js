// Typed services over real gRPC: all four kinds, who calls, errors, draining, definitions that cannot hold.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { caller, callOf, Plugin, PluginMisdefined } from "plugway-sdk";
import { harness } from "plugway-sdk/testing";

const STOCK = "shop.v1.Stock";
const descriptors = descriptorSet(fileURLToPath(new URL("stock.proto", import.meta.url)));
const PLUGIN = { id: "stock", version: "1.0.0" };

/** As protoc writes it: the file, in a FileDescriptorSet. */
function descriptorSet(file) {
  const files = loadSync(file)["shop.v1.Item"].fileDescriptorProtos;
  return Buffer.concat(files.flatMap((one) => [Buffer.from([0x0a, (one.length & 0x7f) | 0x80, one.length >> 7]), one]));
}

let watched;
const stock = {
  amount: 7,
  getItem({ itemName }) {
    if (itemName === "gone") throw Object.assign(new Error("no such item"), { code: status.NOT_FOUND });
    if (itemName === "broken") throw Object.assign(new Error("password is hunter22"), { code: "ENOENT" });
    return { itemName: `${itemName} for ${caller().user} of ${callOf().requestId}`, amount: this.amount };
  },
  async *watchItems({ amount }, call) {
    for (let number = 0; number < Number(amount); number += 1) yield { itemName: callOf().user, amount: number };
    if (Number(amount)) return;
    watched = callOf().signal;
    yield {};
    await once(call, "cancelled");
  },
  async countItems(items) {
    let amount = 0;
    for await (const item of items) amount += Number(item.amount);
    return { amount };
  },
  async *echoItems(items) {
    for await (const item of items) yield item;
  },
};

let client;
before(async () => {
  client = await harness(new Plugin({ ...PLUGIN, typed: { descriptors, services: { [STOCK]: stock } } }));
});
after(() => client.stop());

const get = (itemName) => client.typed(STOCK, "GetItem", { itemName });
const all = async (stream) => (await stream.toArray()).map(({ amount }) => amount);
const items = (count) => Array.from({ length: count }, (_, amount) => ({ amount }));

test("a call is told who calls, and answers in protobuf's own JSON", async () => {
  const { itemName, amount } = await get("tea");
  assert.match(itemName, /^tea for ann of test-\d+$/);
  assert.equal(amount, "7");
});

test("streams go in, out and both ways", async () => {
  assert.deepEqual(await all(client.typed(STOCK, "WatchItems", { amount: 3 })), ["0", "1", "2"]);
  assert.equal((await client.typed(STOCK, "CountItems", items(5))).amount, "10");
  assert.deepEqual(await all(client.typed(STOCK, "EchoItems", items(2000))), items(2000).map(({ amount }) => `${amount}`));
});

test("errors with a gRPC status are for clients, the words of others are not", async () => {
  await assert.rejects(get("gone"), { code: status.NOT_FOUND, details: "no such item" });
  await assert.rejects(get("broken"), { code: status.INTERNAL, details: "the plugin failed; its log says why" });
});

test("a client that leaves ends the call", async () => {
  const stream = client.typed(STOCK, "WatchItems", {});
  stream.on("error", () => {});
  await once(stream, "data");
  stream.cancel();
  if (!watched.aborted) await once(watched, "abort");
});

test("Describe names the services, with their descriptors as they were given", async () => {
  const told = await client.describe();
  assert.deepEqual(told.manifest.services, [STOCK]);
  assert.deepEqual(told.descriptor_set, descriptors);
});

test("without the settings that it needs, it is not called", async () => {
  const settings = { type: "object", required: ["url"], properties: { url: { type: "string" } } };
  const plugin = new Plugin({ ...PLUGIN, settings, typed: { descriptors, services: { [STOCK]: stock } } });
  const waiting = await harness(plugin, { settings: null });
  await assert.rejects(waiting.typed(STOCK, "GetItem", {}), { code: status.FAILED_PRECONDITION });
  await waiting.stop();
});

test("draining waits for what runs, cuts it at the deadline, and refuses what is new", async () => {
  const drained = await harness(new Plugin({ ...PLUGIN, typed: { descriptors, services: { [STOCK]: stock } } }));
  const stream = drained.typed(STOCK, "WatchItems", {});
  const failed = once(stream, "error");
  await once(stream, "data");
  assert.equal((await drained.drain({ deadline: 50, streamDeadline: 50 })).cut, 1);
  const [error] = await failed;
  assert.equal(error.code, status.UNAVAILABLE);
  const refused = await drained.typed(STOCK, "GetItem", {}).catch((why) => why);
  assert.deepEqual([refused.code, refused.metadata.get("plugway-refused")], [status.UNAVAILABLE, ["draining"]]);
  await drained.stop();
});

test("what cannot be exported is told at the definition", () => {
  const cases = [
    [{ descriptors: Buffer.from("no"), services: { [STOCK]: stock } }, /no FileDescriptorSet/],
    [{ descriptors, services: { "shop.v1.Other": {} } }, /has no service shop.v1.Other/],
    [{ descriptors, services: { "shop.v1.Item": {} } }, /has no service shop.v1.Item/],
    [{ descriptors, services: { [STOCK]: { ...stock, getItem: undefined } } }, /lacks getItem\(\)/],
    [{ descriptors, services: { "plugway.plugin.v1.PluginService": {} } }, /the name is taken/],
  ];
  for (const [typed, said] of cases) {
    assert.throws(() => new Plugin({ ...PLUGIN, typed }), (error) => error instanceof PluginMisdefined && said.test(error.message));
  }
});
