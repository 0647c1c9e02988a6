// A plugin's own page, in its frame.

import { remedy } from "../actions.js";
import { Bridge } from "../bridge.js";
import { LIMITS, Refusal } from "../bridge/limits.js";
import { button, h, icon } from "../dom.js";
import { refresh } from "../live.js";
import { store } from "../store.js";
import { ask, bones, empty, toast } from "../ui.js";
import { pluginPage } from "./head.js";

const PATIENCE = 15_000; // ms until it is said that a frame says nothing
const FAREWELL = 3000; // ms that a plugin has before its page is loaded again

export function create({ id }) {
  return pluginPage({ id, tab: "open", body, wide: true });
}

function body(first) {
  const id = first.id;
  const strip = h("div.strip", { hidden: true, role: "status" });
  const cover = h("div.cover");
  const place = h("div.stage", cover);
  const node = h("div.stage", strip, place);
  let view = first;
  let frame = null;
  let bridge = null;
  let timer = 0;
  let parting = 0;
  let refocus = false;

  function load() {
    refocus = Boolean(frame) && document.activeElement === frame;
    drop();
    frame = h("iframe", { sandbox: "allow-scripts allow-forms", title: view.name, referrerpolicy: "no-referrer" });
    bridge = new Bridge(frame, id, shell);
    frame.src = `/plugins/${id}/ui/`;
    showCover(h("div.page.narrow", bones(4, `Loading ${view.name}`)));
    place.prepend(frame);
    timer = setTimeout(late, PATIENCE);
  }

  function drop() {
    clearTimeout(timer);
    clearTimeout(parting);
    bridge?.close();
    frame?.remove();
    frame = bridge = null;
  }

  function showCover(content) {
    cover.replaceChildren(content);
    cover.hidden = false;
  }

  function trouble(words) {
    drop();
    showTrouble(`${view.name} could not be shown`, words);
  }

  /** It goes on loading: on a slow network every new attempt would begin where this one did. */
  function late() {
    showTrouble(`${view.name} takes long`, "Its page is still on its way, and is shown as soon as it is here.");
  }

  function showTrouble(title, words) {
    const again = button("Load again", { symbol: "turn", kind: "primary", onclick: load });
    showCover(empty("alert", title, words, [again, h("a.button", { href: `/plugins/${id}/logs` }, icon("logs"), "Read the logs")]));
  }

  const shell = {
    get theme() {
      return document.documentElement.dataset.theme;
    },
    get path() {
      return pathOf(location.hash);
    },
    ready() {
      clearTimeout(timer);
      cover.hidden = true;
      if (refocus) frame.focus();
      refocus = false;
    },
    retired() {
      showStrip();
      refresh().catch(() => {});
    },
    reload() {
      load();
      showStrip();
      toast(`${view.name} was loaded again, as another version is in use.`);
    },
    failed(words) {
      console.warn(`${id}: ${words}`);
      shell.ready();
    },
    closed: trouble,
    navigate(path) {
      if (path !== shell.path) history.pushState(null, "", `#${path}`);
    },
    notify: (words, kind) => toast(words, { ok: "ok", success: "ok", error: "error", danger: "error" }[kind] ?? "info"),
    confirm: async (words, { accept, danger }) =>
      Boolean(await ask({ title: view.name, text: words, accept: accept || "OK", danger })),
    async openLink(address) {
      const title = "Open this link?";
      const sure = await ask({ title, text: `${view.name} wants to open\n${address.href}`, accept: "Open" });
      if (sure) open(address.href, "_blank", "noopener,noreferrer");
      return Boolean(sure);
    },
    async download(name, blob) {
      const safe = name.replace(/[/\\:\0]/g, "_").replace(/^\.+/, "") || "download";
      const sure = await ask({ title: "Save this file?", text: `${view.name} offers “${safe}”.`, accept: "Save" });
      if (!sure) return false;
      const link = h("a", { href: URL.createObjectURL(blob), download: safe });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      return true;
    },
    storage: storageOf(id),
  };

  function moved() {
    bridge?.setPath(shell.path);
  }
  addEventListener("popstate", moved);

  function update(next) {
    view = next;
    if (!view.ui) {
      drop();
      return showCover(empty("plug", "It has no page", `${view.name} offers an API, but no page of its own.`));
    }
    if (!frame && cover.dataset.tried !== view.releaseId) {
      cover.dataset.tried = view.releaseId;
      load();
    }
    if (bridge?.release && isRetired(view, bridge.release)) bridge.retire();
    showStrip();
  }

  /** By hand: the plugin may keep what it wants to, but cannot refuse. */
  function reload() {
    bridge.askToLeave();
    parting = setTimeout(shell.reload, FAREWELL);
  }

  function showStrip() {
    const old = Boolean(bridge?.retired);
    const away = !old && !["healthy", "updating"].includes(view.state);
    const words = old ? told(view, bridge.release) : `${view.name} is ${view.state}. ${view.reason}`;
    const key = JSON.stringify([old, away, words]);
    strip.hidden = !away && !old;
    if (strip.dataset.key === key) return;
    strip.dataset.key = key;
    strip.dataset.tone = old ? "info" : "warn";
    const help = old ? button("Reload", { symbol: "turn", onclick: reload }) : remedy(view);
    strip.replaceChildren(icon(old ? "turn" : "alert"), h("p", words), ...[help].filter(Boolean));
  }

  return {
    node,
    update,
    leave() {
      removeEventListener("popstate", moved);
      drop();
    },
    theme: (theme) => bridge?.setTheme(theme),
  };
}

/** Whether a page of this release gets no answers any more. */
function isRetired(view, release) {
  const rollout = store.rollouts.get(view.id);
  if (!rollout) return release !== view.releaseId;
  // Both sides are of one release where only settings change.
  return [rollout.stable, rollout.candidate].every(({ releaseId, draining }) => releaseId !== release || draining);
}

function versionInUse(view) {
  const rollout = store.rollouts.get(view.id);
  if (!rollout) return view.version;
  return (rollout.stable.draining ? rollout.candidate : rollout.stable).version;
}

function told(view, release) {
  // A call may be refused before the list tells why.
  if (!isRetired(view, release)) return "A new version is in use.";
  const back = store.rollouts.get(view.id)?.phase === "aborting";
  return back ? `Version ${versionInUse(view)} is in use again.` : `A new version is in use: ${versionInUse(view)}.`;
}

function pathOf(hash) {
  const path = hash.slice(1);
  return path.startsWith("/") ? path : "/";
}

/** What a plugin keeps in this browser, apart from what all others keep. */
function storageOf(id) {
  const prefix = `plugway.plugin:${id}:`;
  const own = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  return {
    get(key) {
      const kept = localStorage.getItem(prefix + key);
      return kept === null ? null : JSON.parse(kept);
    },
    set(key, value) {
      const words = JSON.stringify(value);
      if (words === undefined) throw new Refusal("Only what JSON can hold is kept.");
      const others = own().filter((name) => name !== prefix + key);
      const size = others.reduce((sum, name) => sum + name.length + localStorage.getItem(name).length, words.length);
      if (others.length >= LIMITS.storedKeys || size > LIMITS.stored) throw new Refusal("The plugin's storage is full.");
      localStorage.setItem(prefix + key, words);
    },
    remove: (key) => localStorage.removeItem(prefix + key),
  };
}
