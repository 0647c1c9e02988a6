// Runs first in a plugin's frame: opens the bridge to the console, then mounts the plugin's UI.
// JSON-RPC 2.0 over a MessagePort that is made here, so that it ends with this document.
(() => {
  "use strict";
  const facts = JSON.parse(document.querySelector('meta[name="plugway"]').content);
  // The policy leaves no connection but these, which it does not name in every browser.
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "WebTransport"]) delete globalThis[name];

  if (window.parent === window) return showAlone();

  const channel = new MessageChannel();
  const port = channel.port1;
  const waiting = new Map();
  const streams = new Map();
  const reading = new Set(); // streams that come to an end by themselves
  const listeners = { theme: new Set(), path: new Set(), reload: new Set() };
  const state = { theme: "light", path: "/" };
  let lastId = 0;
  let mounted = null;

  const QUIET = 4000; // ms without a key or a click before the page is loaded again by itself
  const RETIRED = -32003;
  // What loading again could lose: what the plugin says, or, until it says anything, input that was not submitted.
  const unsaved = { said: null, edited: false, at: -QUIET };
  for (const kind of ["keydown", "pointerdown", "input"]) {
    addEventListener(kind, () => (unsaved.at = performance.now()), { capture: true, passive: true });
  }
  addEventListener("input", ({ target }) => (unsaved.edited ||= target.type !== "search"), { capture: true, passive: true });
  addEventListener("submit", () => (unsaved.edited = false), { capture: true });

  function idle() {
    const work = waiting.size + reading.size > 0;
    return !work && !(unsaved.said ?? unsaved.edited) && performance.now() - unsaved.at >= QUIET;
  }

  let leaving = false;
  async function leave() {
    if (leaving) return;
    leaving = true;
    const kept = Promise.allSettled([...listeners.reload].map(async (callback) => callback()));
    await Promise.race([kept, new Promise((resolve) => setTimeout(resolve, 2000))]);
    notice("reload", {});
  }

  class BridgeError extends Error {
    constructor(error) {
      super(error.message);
      this.name = "BridgeError";
      this.code = error.code;
    }
  }

  /** The exports of an entry that stands in this document after this script: its last line hands them over. */
  function handedOver() {
    return new Promise((resolve, reject) => {
      const failed = ({ error, message }) => reject(error ?? new Error(message));
      const take = (exports) => {
        delete globalThis.__plugwayExports;
        removeEventListener("error", failed);
        resolve(exports);
      };
      Object.defineProperty(globalThis, "__plugwayExports", { value: take, configurable: true });
      addEventListener("error", failed);
      // Modules have run by then.
      addEventListener("DOMContentLoaded", () => reject(new Error("The UI's entry did not run.")));
    });
  }

  function notice(method, params) {
    port.postMessage({ jsonrpc: "2.0", method, params });
  }

  function call(method, params, signal) {
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        waiting.delete(id);
        notice("cancel", { id });
        reject(signal.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      waiting.set(id, { resolve, reject });
      port.postMessage({ jsonrpc: "2.0", id, method, params });
    });
  }

  async function bodyOf(body) {
    if (body === undefined || body === null) return null;
    if (typeof body === "string") return { kind: "text", text: body };
    if (body instanceof URLSearchParams) return { kind: "params", text: String(body) };
    if (body instanceof FormData) {
      // A file goes with its name, which a cloned Blob would lose.
      const entries = [...body].map(([key, value]) => [key, value, value instanceof File ? value.name : ""]);
      return { kind: "form", entries };
    }
    if (body instanceof Blob) return { kind: "blob", blob: body };
    return { kind: "blob", blob: await new Response(body).blob() };
  }

  function receiving(stream, signal, lasting) {
    return new ReadableStream(
      {
        start(controller) {
          streams.set(stream, controller);
          if (!lasting) reading.add(stream);
          signal?.addEventListener("abort", () => stop(stream, signal.reason), { once: true });
        },
        pull: () => notice("pull", { stream }),
        cancel: () => stop(stream),
      },
      { highWaterMark: 0 },
    );
  }

  function stop(stream, reason) {
    const controller = streams.get(stream);
    if (!controller) return;
    streams.delete(stream);
    reading.delete(stream);
    notice("stop", { stream });
    if (reason) controller.error(reason);
  }

  async function hostFetch(path, init = {}) {
    const params = {
      path: String(path),
      method: String(init.method ?? "GET").toUpperCase(),
      headers: [...new Headers(init.headers)],
      body: await bodyOf(init.body),
    };
    let answer;
    try {
      answer = await call("fetch", params, init.signal);
    } catch (error) {
      throw error instanceof BridgeError ? Object.assign(new TypeError(error.message), { code: error.code }) : error;
    }
    const headers = new Headers(answer.headers);
    const lasting = (headers.get("content-type") ?? "").startsWith("text/event-stream");
    const body = answer.stream ? receiving(answer.stream, init.signal, lasting) : answer.body;
    return new Response(body, { status: answer.status, statusText: answer.statusText, headers });
  }

  function listen(kind, callback) {
    listeners[kind].add(callback);
    return () => listeners[kind].delete(callback);
  }

  const host = Object.freeze({
    get theme() { return state.theme; },
    get path() { return state.path; },
    plugin: facts.plugin,
    fetch: hostFetch,
    onTheme: (callback) => listen("theme", callback),
    onPath: (callback) => listen("path", callback),
    onReload: (callback) => listen("reload", callback),
    busy: (value) => (unsaved.said = Boolean(value)),
    navigate(path) {
      state.path = String(path);
      return call("navigate", { path: state.path });
    },
    notify: (text, options = {}) => call("notify", { text: String(text), kind: String(options.kind ?? "info") }),
    confirm: (text, options = {}) =>
      call("confirm", { text: String(text), accept: String(options.accept ?? ""), danger: Boolean(options.danger) }),
    openLink: (url) => call("openLink", { url: String(url) }),
    download: (name, blob) => call("download", { name: String(name), blob }),
    storage: Object.freeze({
      get: (key) => call("storage.get", { key: String(key) }),
      set: (key, value) => call("storage.set", { key: String(key), value }),
      remove: (key) => call("storage.remove", { key: String(key) }),
    }),
  });

  function changed(kind, value) {
    state[kind] = value;
    if (kind === "theme") document.documentElement.dataset.theme = value;
    for (const callback of listeners[kind]) callback(value);
    mounted?.update?.({ [kind]: value });
  }

  const notices = {
    async init({ theme, path }) {
      state.path = path;
      changed("theme", theme);
      try {
        const mount = mountOf(await (packed ?? import(facts.entry)));
        mounted = await mount(document.getElementById("root"), host);
        notice("ready", {});
      } catch (error) {
        fail(error);
      }
    },
    theme: ({ theme }) => changed("theme", theme),
    path: ({ path }) => changed("path", path),
    retired: () => setInterval(() => idle() && leave(), 500),
    leave,
    chunk({ stream, data }) {
      streams.get(stream)?.enqueue(new Uint8Array(data));
    },
    end({ stream, error }) {
      const controller = streams.get(stream);
      streams.delete(stream);
      reading.delete(stream);
      if (error) controller?.error(new TypeError(error));
      else controller?.close();
    },
  };

  port.onmessage = ({ data }) => {
    if (data.method) return notices[data.method]?.(data.params);
    const call_ = waiting.get(data.id);
    waiting.delete(data.id);
    // Nobody is to deal with that one: the page is loaded again, of the release that is in use.
    if (data.error?.code === RETIRED) return;
    if (data.error) call_?.reject(new BridgeError(data.error));
    else if (call_) call_.resolve(data.result);
    else if (data.result?.stream) notice("stop", { stream: data.result.stream });
  };

  function mountOf(module) {
    if (typeof module.mount === "function") return module.mount;
    const { default: component, React, ReactDOM } = module;
    const createElement = module.createElement ?? React?.createElement;
    const createRoot = module.createRoot ?? ReactDOM?.createRoot;
    if (component && createElement && createRoot) return mountReact(component, createElement, createRoot);
    throw new TypeError("The UI's entry exports no mount(root, host), and no component with its own React.");
  }

  // A React bundle brings its own React: beside its default it exports createElement and createRoot, or the
  // namespaces React and ReactDOM that hold them.
  function mountReact(component, createElement, createRoot) {
    return (root, givenHost) => {
      const tree = createRoot(root);
      const render = () => tree.render(createElement(component, { host: givenHost, ...state }));
      render();
      return { update: render, unmount: () => tree.unmount() };
    };
  }

  function fail(error) {
    console.error(error);
    notice("failed", { message: String(error?.message ?? error).slice(0, 500) });
    const box = document.createElement("p");
    box.className = "pw-failed";
    box.setAttribute("role", "alert");
    box.textContent = `${facts.name} could not show its page: ${error?.message ?? error}`;
    document.getElementById("root").replaceChildren(box);
  }

  function showAlone() {
    addEventListener("DOMContentLoaded", () => {
      const box = document.createElement("p");
      box.className = "pw-failed";
      box.textContent = `${facts.name} works inside the console: open ${facts.shell}/plugins/${facts.plugin}/open`;
      document.getElementById("root").replaceChildren(box);
    });
  }

  addEventListener("pagehide", () => mounted?.unmount?.());
  const hello = { plugway: "hello", version: 1, plugin: facts.plugin, release: facts.release };
  const greet = () => window.parent.postMessage(hello, facts.shell, [channel.port2]);
  const packed = facts.packed ? handedOver() : null;
  packed?.catch(() => {}); // It is told where it is waited for.
  // Once #root is there, and before any of the plugin's code has run.
  if (packed) greet();
  else addEventListener("DOMContentLoaded", greet);
})();
