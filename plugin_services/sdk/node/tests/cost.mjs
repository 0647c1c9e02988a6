// What the SDK adds to a call, gRPC apart: processor time of the way through the http.Server in memory.
// `node tests/cost.mjs`; the best of five rounds counts, as other programs only ever add to it.
import { Calls } from "../lib/calls.js";
import { HttpCall } from "../lib/http-call.js";
import { Plugin } from "../lib/index.js";

const CALLS = 20_000;
const body = Buffer.from('{"text":"Hello"}');
const plugin = new Plugin({
  id: "cost",
  version: "1.0.0",
  handler(request, response) {
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
  },
});
const host = { server: plugin.server, calls: new Calls(), metrics: plugin.metrics };
const bytes = (text) => Buffer.from(text);
const headers = Object.entries({ accept: "*/*", "user-agent": "cost/1", "accept-encoding": "gzip" });
const head = {
  method: "GET",
  path: bytes("/greet"),
  query: bytes(""),
  headers: headers.map(([name, value]) => ({ name: bytes(name), value: bytes(value) })),
  context: { request_id: "1", user: "ann", role: "user", base_path: "/", scheme: "http", host: "h", client_address: "" },
};

async function round() {
  const before = process.cpuUsage();
  for (let call = 0; call < CALLS; call += 1) {
    const http = new HttpCall(host, head, Buffer.alloc(0));
    await http.ready;
    if (http.status !== 200 || !http.take(2 ** 20).end) throw new Error("not answered");
    http.delivered();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

const rounds = [];
for (let number = 0; number < 5; number += 1) rounds.push(await round());
console.log(`${Math.min(...rounds).toFixed(0)} µs a call`);
