// Against the console, by its own bridge: with its port in hand, and none of the frame's manners.

const pause = (time) => new Promise((done) => setTimeout(done, time));
const send = MessagePort.prototype.postMessage;

/** The bridge's port, which the frame's script keeps to itself: it lets go of it with the next call. */
async function port(host) {
  if (window.kept) return window.kept;
  MessagePort.prototype.postMessage = function (...values) {
    window.kept = this;
    return send.apply(this, values);
  };
  await host.storage.get("x").catch(() => {});
  return window.kept;
}

let last = 1_000_000;

/** What the console answers to a message as it is; "silence" after a second. */
async function say(host, message) {
  const open = await port(host);
  const id = (last += 1);
  return new Promise((done) => {
    const hear = ({ data }) => {
      if (data.id !== id) return;
      open.removeEventListener("message", hear);
      done(data.error ? data.error.message : { result: data.result });
    };
    open.addEventListener("message", hear);
    send.call(open, { jsonrpc: "2.0", ...message, id });
    setTimeout(() => done("silence"), 5000);
  });
}

export const raw = (host, method, params) => say(host, { method, params });

export async function flood(host, count) {
  const open = await port(host);
  for (let at = 0; at < count; at += 1) send.call(open, { jsonrpc: "2.0", id: at, method: "notify", params: {} });
}

/** Few bytes on their way, without end when they are written down: each level names the one below ten times. */
export async function swollen(host) {
  let value = "x".repeat(1000);
  for (let level = 0; level < 9; level += 1) value = Array(10).fill(value);
  return say(host, { method: "storage.set", params: { key: "x", value } });
}

export const hollow = (host) => say(host, { method: "storage.set", params: { key: "x", value: new Array(4e9) } });

export async function deep(host) {
  let value = 0;
  for (let level = 0; level < 500; level += 1) value = [value];
  return say(host, { method: "storage.set", params: { key: "x", value } });
}

export async function fullForm(host) {
  const part = "x".repeat(2 ** 20);
  const entries = Array.from({ length: 900 }, (_, at) => [`f${at}`, part, ""]);
  const params = { path: "/hello", method: "POST", headers: [], body: { kind: "form", entries } };
  return say(host, { method: "fetch", params });
}

export const long = (host) => say(host, { method: "notify", params: { text: "x".repeat(5_000_000), kind: "info" } });

/** Members that would change every object of the console, if anything there copied them. */
export async function pollute(host) {
  const evil = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}');
  const messages = [
    ...["fetch", "notify", "confirm", "storage.get", "cancel"].map((method) => ({ method, params: evil })),
    { method: "storage.set", params: { key: "__proto__", value: evil } },
    { method: "fetch", params: { path: "/hello", method: "GET", headers: [["__proto__", "polluted"]], body: null } },
    { method: "fetch", params: { path: "/__proto__", method: "__proto__", headers: [], body: evil } },
    ...["__proto__", "constructor", "toString", "hasOwnProperty"].map((method) => ({ method, params: {} })),
    JSON.parse('{"method": "storage.get", "params": {"key": "x"}, "__proto__": {"polluted": 1}}'),
  ];
  const answers = [];
  for (const message of messages) answers.push(await say(host, message));
  return answers;
}

/** Words to the console's window, past the port. */
export async function forge(_, other) {
  const question = { jsonrpc: "2.0", id: 1, method: "confirm", params: { text: "forged", accept: "", danger: false } };
  parent.postMessage(question, "*");
  const heard = [];
  for (const plugin of ["hostile", other]) {
    const channel = new MessageChannel();
    channel.port1.onmessage = ({ data }) => heard.push(data.method ?? data.id);
    parent.postMessage({ plugway: "hello", version: 1, plugin, release: "" }, "*", [channel.port2]);
    send.call(channel.port1, question);
  }
  await pause(300);
  return heard;
}

/** As many dialogs as the rate allows. */
export async function questions(host, count) {
  const asked = Array.from({ length: count }, () => host.confirm("Really?").catch((error) => error.message));
  window.asked = Promise.all(asked);
}

export const askedSoFar = () => window.asked;
