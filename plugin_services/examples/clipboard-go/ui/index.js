// The page of the clipboard: one text and a list of files, live. mount(root, host) is what the console calls.

import { follow } from "./live.js";

function h(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let at = 0;
  for (; bytes >= 1024 && at < units.length - 1; at += 1) bytes /= 1024;
  return `${at ? bytes.toFixed(1) : bytes} ${units[at]}`;
}

class Page {
  constructor(root, host) {
    Object.assign(this, { root, host, board: null, typing: 0, saving: false, unsaved: false, stopping: new AbortController() });
    this.title = h("h1", {}, "Clipboard");
    this.state = h("p", { className: "state", role: "status" });
    this.text = h("textarea", { ariaLabel: "Shared text", placeholder: "What is put here, everybody sees.", maxLength: 60000 });
    this.text.addEventListener("input", () => this.typed());
    this.files = h("ul", { ariaLabel: "Files" });
    this.picker = h("input", { type: "file", multiple: true, hidden: true });
    this.picker.addEventListener("change", () => this.put([...this.picker.files]));
    const add = h("button", { type: "button", className: "main", onclick: () => this.picker.click() }, "Add files");
    const frame = h("main", { className: "clipboard" }, h("header", {}, this.title, add), this.state, this.text, this.files, this.picker);
    frame.addEventListener("dragover", (event) => event.preventDefault());
    frame.addEventListener("drop", (event) => {
      event.preventDefault();
      this.put([...event.dataTransfer.files]);
    });
    root.replaceChildren(frame);
    follow(host, this.stopping.signal, (board) => this.show(board), (up) => this.say(up ? "" : "Not connected. Trying again…"));
  }

  say(words) {
    this.state.textContent = words;
  }

  show(board) {
    this.board = board;
    this.title.textContent = board.title;
    // What is being typed here, or on its way, is newer.
    if (!this.typing && !this.saving && this.text.value !== board.text) this.text.value = board.text;
    this.files.replaceChildren(...board.files.map((file) => this.row(file)));
  }

  row(file) {
    const about = [size(file.size), file.by, new Date(file.at).toLocaleString()].filter(Boolean).join(" · ");
    return h(
      "li", {},
      h("button", { type: "button", className: "link", title: "Download", onclick: () => this.get(file) }, file.name),
      h("small", {}, about),
      h("button", { type: "button", ariaLabel: `Remove ${file.name}`, onclick: () => this.remove(file) }, "Remove"),
    );
  }

  typed() {
    clearTimeout(this.typing);
    this.host.busy(true);
    this.typing = setTimeout(() => this.save(), 250);
  }

  /** One at a time: the text of a later one might arrive first. */
  async save() {
    this.typing = 0;
    this.unsaved = true;
    if (this.saving) return;
    this.saving = true;
    let now;
    while (this.unsaved) {
      this.unsaved = false;
      const body = JSON.stringify({ text: this.text.value });
      const answer = await this.call("Not saved", "/board", { method: "PUT", body, headers: { "content-type": "application/json" } });
      now = await answer?.json().catch(() => undefined);
    }
    this.saving = false;
    if (!this.typing) this.host.busy(false);
    // What was heard meanwhile may be newer than the answer, or older.
    if (now) this.show(now.revision > (this.board?.revision ?? -1) ? now : this.board);
  }

  async put(files) {
    for (const file of files) {
      this.say(`${file.name} is on its way…`);
      await this.call(file.name, `/files?${new URLSearchParams({ name: file.name })}`, { method: "POST", body: file });
    }
    this.picker.value = "";
    this.say("");
  }

  async get(file) {
    const answer = await this.call(file.name, `/files/${file.id}`);
    if (answer) await this.host.download(file.name, await answer.blob());
  }

  async remove(file) {
    if (!(await this.host.confirm(`Remove “${file.name}” for everybody?`, { accept: "Remove", danger: true }))) return;
    await this.call(file.name, `/files/${file.id}`, { method: "DELETE" });
  }

  /** The answer, or nothing where it failed; then the reason has been shown. */
  async call(what, path, init) {
    try {
      const answer = await this.host.fetch(path, init);
      if (answer.ok) return answer;
      const problem = await answer.json().catch(() => ({}));
      throw new Error(problem.detail || `the plugin answered ${answer.status}`);
    } catch (error) {
      this.host.notify(`${what}: ${error.message}`, { kind: "error" });
      return undefined;
    }
  }

  close() {
    if (this.typing) {
      clearTimeout(this.typing);
      this.save();
    }
    this.stopping.abort();
    this.root.replaceChildren();
  }
}

export function mount(root, host) {
  const page = new Page(root, host);
  return { unmount: () => page.close() };
}
