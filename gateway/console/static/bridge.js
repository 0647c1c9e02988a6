// The console's end of the bridge to a plugin's frame. Everything that comes through it is the
// plugin's word: shape, size and rate are checked here, whatever the frame's own script does.

import { Calls } from "./bridge/calls.js";
import { CODE, LIMITS, Rate, Refusal, text } from "./bridge/limits.js";
import { externalLink } from "./bridge/request.js";
import { checked } from "./bridge/schema.js";

/**
 * Connects one iframe. `shell` is what the console does for the frame: {theme, path, navigate,
 * notify, confirm, openLink, download, storage, ready, failed, retired, reload, closed}.
 */
export class Bridge {
  constructor(frame, plugin, shell) {
    Object.assign(this, { frame, plugin, shell, port: null, loads: 0, overRate: 0, release: "", retired: false, asking: false, ended: false });
    this.rate = new Rate();
    this.calls = new Calls(plugin, (...message) => this.send(...message), () => this.retire());
    this.onHello = (event) => this.accept(event);
    this.onLoad = () => this.loaded();
    addEventListener("message", this.onHello);
    frame.addEventListener("load", this.onLoad);
  }

  /** Takes the port from the first word of this frame's window, and from nobody else. */
  accept(event) {
    if (event.source !== this.frame.contentWindow || event.origin !== "null") return;
    const word = event.data;
    const fits = word?.plugway === "hello" && word.version === 1 && word.plugin === this.plugin;
    if (!fits || event.ports.length !== 1) return;
    removeEventListener("message", this.onHello);
    this.release = typeof word.release === "string" ? word.release.slice(0, 200) : "";
    this.port = event.ports[0];
    this.port.onmessage = ({ data }) => this.receive(data);
    this.send("init", { theme: this.shell.theme, path: this.shell.path });
  }

  /** A second document in the frame is not the one that was trusted with the port. */
  loaded() {
    this.loads += 1;
    if (this.loads > 1) this.close("The plugin's page left for another one.");
  }

  /** Ends the bridge; with a reason, the console is told. */
  close(reason = "") {
    if (this.ended) return;
    this.ended = true;
    removeEventListener("message", this.onHello);
    this.frame.removeEventListener("load", this.onLoad);
    this.port?.close();
    this.port = null;
    this.calls.close();
    if (reason) this.shell.closed(reason);
  }

  send(method, params, transfer = []) {
    this.port?.postMessage({ jsonrpc: "2.0", method, params }, transfer);
  }

  /** Its release is no longer in use: the frame says when it can be loaded again without loss. */
  retire() {
    if (this.retired) return;
    this.retired = true;
    this.send("retired", {});
    this.shell.retired();
  }

  /** Lets the plugin keep what it wants to; its frame answers with "reload". */
  askToLeave() {
    this.send("leave", {});
  }

  setTheme(theme) {
    this.send("theme", { theme });
  }

  setPath(path) {
    this.send("path", { path });
  }

  async receive(message) {
    // The only messages that cost nothing: each is the answer to a part that was sent.
    if (message?.method === "pull" && this.calls.pull(message.params?.stream)) return;
    if (!this.rate.take()) return this.refuseForRate(message?.id);
    const id = message?.id;
    try {
      this.answer(id, { result: (await this.handle(message)) ?? null });
    } catch (error) {
      this.answer(id, { error: told(error) });
    }
  }

  handle(message) {
    const { method, params, size } = checked(message);
    this.rate.charge(size / LIMITS.perToken);
    return METHODS[method](this, params, message.id);
  }

  /** One question at a time: more would bury the console under dialogs. */
  async question(ask) {
    if (this.asking) throw new Refusal("Another question is still open.", CODE.limit);
    this.asking = true;
    try {
      return await ask();
    } finally {
      this.asking = false;
    }
  }

  refuseForRate(id) {
    this.overRate += 1;
    if (this.overRate > LIMITS.refusals) {
      this.close("The plugin's page was stopped: it flooded the console with messages.");
    } else {
      this.answer(id, { error: told(new Refusal("Too many messages; slow down.", CODE.limit)) });
    }
  }

  answer(id, outcome) {
    if (!Number.isInteger(id)) return;
    const body = outcome.result?.body;
    this.port?.postMessage({ jsonrpc: "2.0", id, ...outcome }, body instanceof ArrayBuffer ? [body] : []);
  }
}

const METHODS = Object.freeze({
  fetch: (bridge, params, id) => bridge.calls.fetch(params, id, bridge.release),
  cancel: (bridge, { id }) => bridge.calls.cancel(id),
  pull: () => null,
  stop: (bridge, { stream }) => bridge.calls.stop(stream),
  ready: (bridge) => bridge.shell.ready(),
  failed: (bridge, { message }) => bridge.shell.failed(text(message, LIMITS.notice)),
  reload: (bridge) => (bridge.retired ? bridge.shell.reload() : null),
  navigate: (bridge, { path }) => {
    if (!text(path, LIMITS.url).startsWith("/")) throw new Refusal("A path starts with '/'.");
    bridge.shell.navigate(path);
  },
  notify: (bridge, { text: words, kind }) => bridge.shell.notify(text(words, LIMITS.notice), text(kind, 20)),
  confirm: (bridge, { text: words, accept, danger }) => {
    const how = { accept: text(accept ?? "", 40), danger: danger === true };
    return bridge.question(() => bridge.shell.confirm(text(words, LIMITS.question), how));
  },
  openLink: (bridge, { url }) => {
    const address = externalLink(url);
    return bridge.question(() => bridge.shell.openLink(address));
  },
  download: (bridge, { name, blob }) => bridge.question(() => bridge.shell.download(text(name, 200), blob)),
  "storage.get": (bridge, { key }) => bridge.shell.storage.get(text(key, 200)),
  "storage.set": (bridge, { key, value }) => bridge.shell.storage.set(text(key, 200), value),
  "storage.remove": (bridge, { key }) => bridge.shell.storage.remove(text(key, 200)),
});

function told(error) {
  if (error instanceof Refusal) return { code: error.code, message: error.message };
  return { code: CODE.params, message: "The message could not be understood." };
}
