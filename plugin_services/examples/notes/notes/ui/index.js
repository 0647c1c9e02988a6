// The page of the notes plugin: mount(root, host) is what the console calls.

import { Api } from "./api.js";
import { button, debounced, h } from "./dom.js";
import { Editor } from "./editor.js";
import { List } from "./list.js";
import { Live } from "./live.js";

class Page {
  constructor(root, host) {
    Object.assign(this, { root, host, api: new Api(host), query: "", loads: 0, shown: 0, hearing: new Set() });
    this.reload = debounced(() => this.load(), 200);
    this.onKey = (event) => this.key(event);
  }

  async start() {
    const about = await this.api.about();
    const { host, api } = this;
    this.list = new List({
      open: (id) => this.open(id),
      more: () => this.more(),
      add: () => this.add(),
    });
    this.editor = new Editor({
      host,
      api,
      about,
      saved: (note) => this.changed(note),
      closed: () => this.open(null),
    });
    this.search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search notes" });
    this.search.addEventListener("input", this.reload);
    this.away = h("p", { className: "away", hidden: true, role: "status" }, "Not connected. Trying again…");
    const add = button("New note", () => this.add(), { className: "main", title: "New note (n)" });
    const head = h("header", {}, h("h1", {}, about.heading), add);
    const side = h("nav", { "aria-label": "Notes" }, head, this.search, this.away, this.list.element);
    this.frame = h("div", { className: "notes" }, side, h("main", {}, this.editor.element));
    this.root.replaceChildren(this.frame);
    this.list.loading();
    this.offPath = host.onPath((path) => this.show(path));
    document.addEventListener("keydown", this.onKey);
    this.live = new Live(this.api, (event, data) => this.heard(event, data), (up) => (this.away.hidden = up));
    this.live.run();
    await this.show(host.path);
  }

  /** Do it; returns its outcome and what was heard meanwhile: id -> note, or null for one that was removed. */
  async hear(work) {
    const heard = new Map();
    this.hearing.add(heard);
    try {
      return { done: await work(), heard };
    } finally {
      this.hearing.delete(heard);
    }
  }

  async load() {
    this.query = this.search.value.trim();
    const load = ++this.loads;
    try {
      const { done: page, heard } = await this.hear(() => this.api.page(this.query));
      if (load !== this.loads) return;
      this.list.show(page, this.query);
      this.repeat(heard);
    } catch (error) {
      if (load === this.loads) this.list.failed(error, () => this.load());
    }
  }

  async more() {
    const { loads } = this;
    try {
      const { done: page, heard } = await this.hear(() => this.api.page(this.query, this.list.next));
      // It goes on from the list that was there.
      if (loads !== this.loads) return;
      this.list.append(page, heard.size === 0);
      this.repeat(heard);
    } catch (error) {
      this.host.notify(error.message, { kind: "error" });
    }
  }

  /** The answer may be older than what was heard before it came. */
  repeat(heard) {
    for (const [id, note] of heard) {
      if (note) this.put(note);
      else this.list.drop(id);
    }
  }

  async add() {
    try {
      const note = await this.api.add({});
      this.changed(note);
      await this.open(note.id);
      this.editor.title.focus();
    } catch (error) {
      this.host.notify(error.message, { kind: "error" });
    }
  }

  /** Go to a note, or with null to the list. */
  async open(id) {
    this.host.navigate(id === null ? "/" : `/${id}`);
    await this.show(id === null ? "/" : `/${id}`);
  }

  async show(path) {
    const id = Number(/^\/(\d+)$/.exec(path ?? "/")?.[1] ?? 0);
    this.shown = id;
    this.frame.classList.toggle("open", id > 0);
    this.list.choose(id || null);
    if (!id) {
      await this.editor.later.flush();
      return this.editor.empty();
    }
    if (id === this.editor.note?.id) return undefined;
    try {
      const { heard } = await this.hear(() => this.read(id));
      if (id !== this.shown || !heard.has(id)) return undefined;
      return heard.get(id) ? this.editor.heard(heard.get(id)) : this.editor.gone(id);
    } catch (error) {
      return id === this.shown ? this.editor.empty(error.message) : undefined;
    }
  }

  async read(id) {
    const note = await this.api.read(id);
    if (id === this.shown) await this.editor.show(note);
  }

  heard(event, data) {
    if (event === "reload") return this.refresh();
    if (event === "removed") {
      for (const heard of this.hearing) heard.set(data.id, null);
      this.list.drop(data.id);
      return this.editor.gone(data.id);
    }
    this.changed(data);
    return this.editor.heard(data);
  }

  /** After a gap in the events: the list, and the open note, may be old. */
  async refresh() {
    await this.load();
    const { note } = this.editor;
    if (!note) return;
    try {
      this.editor.heard(await this.api.read(note.id));
    } catch (error) {
      if (error.status === 404) this.editor.gone(note.id);
    }
  }

  changed(note) {
    for (const heard of this.hearing) heard.set(note.id, note);
    this.put(note);
  }

  put(note) {
    if (this.query) this.reload();
    else this.list.put(note);
  }

  key(event) {
    const typing = event.target.closest?.("input, textarea");
    if (event.key === "Escape") return typing ? typing.blur() : this.open(null);
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return undefined;
    if (event.key === "/") {
      event.preventDefault();
      return this.search.focus();
    }
    if (event.key === "n") {
      event.preventDefault();
      return this.add();
    }
    return undefined;
  }

  unmount() {
    this.live?.stop();
    this.offPath?.();
    document.removeEventListener("keydown", this.onKey);
    this.editor?.later.flush();
    this.root.replaceChildren();
  }
}

export async function mount(root, host) {
  const page = new Page(root, host);
  try {
    await page.start();
  } catch (error) {
    const again = button("Try again", () => mount(root, host));
    root.replaceChildren(h("p", { className: "hint bad", role: "alert" }, error.message, " ", again));
  }
  return { unmount: () => page.unmount() };
}
