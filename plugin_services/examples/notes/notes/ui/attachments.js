// The files of one note: upload by button or drop, download, delete.

import { button, h } from "./dom.js";
import { size } from "./format.js";

export class Attachments {
  constructor(host, api, about) {
    Object.assign(this, { host, api, about, note: null, uploading: [] });
    this.picker = h("input", { type: "file", multiple: true, hidden: true });
    this.picker.addEventListener("change", () => this.take(this.picker.files));
    this.element = h("section", { className: "files", "aria-label": "Attachments" });
  }

  show(note) {
    this.note = note;
    const files = note.attachments.map((attachment) => this.row(attachment));
    const waiting = this.uploading
      .filter((upload) => upload.note === note.id)
      .map((upload) => h("li", { className: "busy" }, h("span", {}, upload.name), h("small", {}, "uploading…")));
    this.element.replaceChildren(
      h("ul", {}, ...files, ...waiting),
      button("Attach files", () => this.picker.click()),
      this.picker,
    );
  }

  row(attachment) {
    return h(
      "li",
      {},
      button(attachment.name, () => this.download(attachment), { className: "link", title: "Download" }),
      h("small", {}, size(attachment.size)),
      button("Remove", () => this.remove(attachment), { "aria-label": `Remove ${attachment.name}` }),
    );
  }

  async take(files) {
    const { note } = this;
    await Promise.all([...files].map((file) => this.upload(note, file)));
    this.picker.value = "";
  }

  async upload(note, file) {
    if (file.size > this.about.maxAttachmentMib * 2 ** 20) {
      return this.host.notify(`${file.name} is larger than ${this.about.maxAttachmentMib} MiB.`, { kind: "error" });
    }
    const upload = { note: note.id, name: file.name };
    this.uploading.push(upload);
    this.show(this.note);
    try {
      await this.api.attach(note.id, file);
    } catch (error) {
      this.host.notify(`${file.name}: ${error.message}`, { kind: "error" });
    } finally {
      this.uploading.splice(this.uploading.indexOf(upload), 1);
      this.show(this.note);
    }
  }

  async download(attachment) {
    try {
      await this.host.download(attachment.name, await this.api.download(this.note.id, attachment));
    } catch (error) {
      this.host.notify(`${attachment.name}: ${error.message}`, { kind: "error" });
    }
  }

  async remove(attachment) {
    const { note } = this;
    if (!(await this.host.confirm(`Remove “${attachment.name}” from this note?`, { accept: "Remove", danger: true }))) return;
    try {
      await this.api.detach(note.id, attachment);
    } catch (error) {
      this.host.notify(error.message, { kind: "error" });
    }
  }
}
