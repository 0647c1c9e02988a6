// Files on their way up, one after another.

import { at, transfer } from "./api.js";
import { fill, h } from "./kit/dom.js";
import { size } from "./kit/format.js";
import { button, failure } from "./kit/parts.js";

export class Uploads {
  /** `prefix()` says where to; `done()` is called after each file. */
  constructor(page, bucket, prefix, done) {
    Object.assign(this, { page, bucket, prefix, done, waiting: [], running: false });
    this.picker = h("input", { type: "file", multiple: true, hidden: true });
    this.picker.addEventListener("change", () => {
      this.take([...this.picker.files]);
      this.picker.value = "";
    });
    this.list = h("ul", { class: "uploads" });
    this.element = h("div", {}, this.picker, this.list);
  }

  choose() {
    this.picker.click();
  }

  takeDrops(place) {
    place.addEventListener("dragover", (event) => event.preventDefault());
    place.addEventListener("drop", (event) => {
      event.preventDefault();
      this.take([...event.dataTransfer.files]);
    });
  }

  take(files) {
    const folder = this.prefix().replace(/[^/]*$/, "");
    for (const file of files) {
      const abort = new AbortController();
      const line = h("li");
      const stop = button("", () => abort.abort(), { symbol: "close", kind: "quiet", title: `Stop the upload of ${file.name}` });
      fill(line, h("span", { class: "spinner", "aria-hidden": "true" }), h("span", { class: "grow" }, `${file.name} `, h("small", { class: "muted" }, size(file.size))), stop);
      this.list.append(line);
      this.waiting.push({ file, key: folder + file.name, abort, line });
    }
    this.work();
  }

  async work() {
    if (this.running) return;
    this.running = true;
    this.page.host.busy?.(true);
    while (this.waiting.length) await this.upload(this.waiting.shift());
    this.running = false;
    this.page.host.busy?.(false);
  }

  async upload({ file, key, abort, line }) {
    const send = (onlyNew) => transfer(this.page, "PUT", at(this.bucket, "/object/content"), { key, onlyNew: onlyNew || undefined }, { body: file, signal: abort.signal });
    try {
      if (abort.signal.aborted) return line.remove();
      await send(true).catch(async (error) => {
        if (error.kind !== "conflict" || !error.message.includes("already")) throw error;
        if (!(await this.page.sure(`Replace “${key}”? There is an object of this name.`, "Replace"))) throw new DOMException("left", "AbortError");
        await send(false);
      });
      line.remove();
      this.page.done(`Uploaded ${file.name}.`);
      this.done();
    } catch (error) {
      if (error.name === "AbortError") line.remove();
      else fill(line, failure(error), button("", () => line.remove(), { symbol: "close", kind: "quiet", title: `Close what is said of ${file.name}` }));
    }
    return undefined;
  }
}
