// The page of the notes plugin: mount(root, host) is what the console calls.

import { Api } from "./api.js";
import { button, debounced, h } from "./dom.js";
import { Editor } from "./editor.js";
import { List } from "./list.js";
import { Live } from "./live.js";

class Page {
  constructor(root, host) {
    Object.assign(this, { root, host, api: new Api(host), query: "" });
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

  async load() {
    this.query = this.search.value.trim();
    const { query } = this;
    try {
      const page = await this.api.page(query);
      if (query === this.query) this.list.show(page, query);
    } catch (error) {
      this.list.failed(error, () => this.load());
    }
  }

  async more() {
    try {
      this.list.append(await this.api.page(this.query, this.list.next));
    } catch (error) {
      this.host.notify(error.message, { kind: "error" });
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
    this.frame.classList.toggle("open", id > 0);
    this.list.choose(id || null);
    if (!id) {
      await this.editor.later.flush();
      return this.editor.empty();
    }
    if (id === this.editor.note?.id) return undefined;
    try {
      return await this.editor.show(await this.api.read(id));
    } catch (error) {
      return this.editor.empty(error.message);
    }
  }

  heard(event, data) {
    if (event === "reload") return this.refresh();
    if (event === "removed") {
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
