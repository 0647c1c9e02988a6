// One open note: saved by itself a moment after the last key, never over someone else's change.

import { Attachments } from "./attachments.js";
import { button, debounced, h } from "./dom.js";
import { heading } from "./format.js";

const PAUSE = 600;
const DRAFT = "draft";

export class Editor {
  /** `saved(note)` after each save, `closed()` when the note is left or deleted. */
  constructor({ host, api, about, saved, closed }) {
    Object.assign(this, { host, api, saved, closed, note: null, dirty: false, saving: null });
    this.title = h("input", { className: "title", placeholder: "Title", maxLength: 200, "aria-label": "Title" });
    this.text = h("textarea", { placeholder: "Write something…", maxLength: 100000, "aria-label": "Text" });
    this.state = h("span", { className: "state", role: "status" });
    this.pin = button("Pin", () => this.save({ pinned: !this.note.pinned }));
    this.bar = h("div", { className: "conflict", hidden: true, role: "alert" });
    this.files = new Attachments(host, api, about);
    this.later = debounced(() => this.save(), PAUSE);
    this.element = h("div", { className: "editor" });
    for (const field of [this.title, this.text]) field.addEventListener("input", () => this.edited());
    this.element.addEventListener("dragover", (event) => event.preventDefault());
    this.element.addEventListener("drop", (event) => this.dropped(event));
    host.onReload(() => this.keepDraft());
    this.empty();
  }

  get unsaved() {
    return this.note !== null && (this.dirty || this.saving !== null);
  }

  /** The page is about to be loaded again, perhaps of another version: what is not saved outlives it. */
  keepDraft() {
    if (!this.unsaved) return undefined;
    const { id, revision } = this.note;
    return this.host.storage.set(DRAFT, { id, revision, title: this.title.value, text: this.text.value });
  }

  async takeDraft() {
    const draft = await this.host.storage.get(DRAFT);
    if (!draft || draft.id !== this.note?.id) return;
    await this.host.storage.remove(DRAFT);
    Object.assign(this.title, { value: draft.title });
    Object.assign(this.text, { value: draft.text });
    this.edited();
    if (draft.revision !== this.note.revision) this.conflict(this.note);
  }

  empty(words = "Choose a note, or write a new one.") {
    this.note = null;
    this.host.busy(false);
    this.element.replaceChildren(h("p", { className: "hint" }, words));
  }

  /** Show a note, after what was typed into the last one is saved. */
  async show(note) {
    await this.later.flush();
    this.text.readOnly = false;
    this.fill(note);
    const back = button("Back", this.closed, { className: "back" });
    const remove = button("Delete", () => this.remove(), { className: "danger" });
    const head = h("header", {}, back, this.state, this.pin, remove);
    this.element.replaceChildren(head, this.bar, this.title, this.text, this.files.element);
    await this.takeDraft();
  }

  fill(note) {
    Object.assign(this, { note, dirty: false });
    // The caret stays where it is while the text is the same.
    if (this.title.value !== note.title) this.title.value = note.title;
    if (this.text.value !== note.text) this.text.value = note.text;
    this.bar.hidden = true;
    this.accept(note);
    this.host.busy(false);
    this.state.textContent = "Saved";
  }

  accept(note) {
    this.note = note;
    this.pin.textContent = note.pinned ? "Unpin" : "Pin";
    this.files.show(note);
  }

  edited() {
    this.dirty = true;
    this.host.busy(true);
    this.state.textContent = "…";
    this.later();
  }

  /** A change that came over the wire, perhaps the echo of our own. */
  heard(note) {
    if (note.id !== this.note?.id || note.revision <= this.note.revision || this.saving) return;
    if (!this.dirty) return this.fill(note);
    if (note.title === this.note.title && note.text === this.note.text) return this.accept(note);
    this.conflict(note);
  }

  async save(more = {}) {
    await this.saving;
    if (!this.note || !this.bar.hidden) return;
    const fields = { title: this.title.value, text: this.text.value, revision: this.note.revision };
    this.saving = this.send(this.note.id, { ...fields, ...more });
    await this.saving;
    this.saving = null;
    this.host.busy(this.unsaved);
  }

  async send(id, change) {
    this.state.textContent = "Saving…";
    this.dirty = false;
    try {
      const note = await this.api.change(id, change);
      this.saved(note);
      if (id !== this.note?.id) return;
      this.accept(note);
      this.state.textContent = this.dirty ? "…" : "Saved";
    } catch (error) {
      if (id !== this.note?.id) return this.host.notify(error.message, { kind: "error" });
      this.dirty = true;
      this.state.textContent = "Not saved";
      if (error.status === 409) this.conflict(await this.api.read(id));
      else if (error.status === 404) this.gone(id);
      else this.retry(error);
    }
  }

  retry(error) {
    this.state.textContent = `Not saved: ${error.message} Trying again.`;
    setTimeout(() => this.dirty && this.later(), 3000);
  }

  conflict(theirs) {
    const mine = () => {
      this.accept({ ...this.note, revision: theirs.revision });
      this.bar.hidden = true;
      this.save();
    };
    this.bar.replaceChildren(
      h("span", {}, "Someone else changed this note meanwhile."),
      button("Load theirs", () => this.fill(theirs)),
      button("Keep mine", mine),
    );
    this.bar.hidden = false;
    this.state.textContent = "Not saved";
  }

  gone(id) {
    if (id !== this.note?.id) return;
    if (!this.dirty) return this.closed();
    this.note = null;
    const words = h("p", { className: "hint bad", role: "alert" }, "This note was deleted by someone else. Your text:");
    this.text.readOnly = true;
    this.element.replaceChildren(words, this.text, button("Close", this.closed));
  }

  async remove() {
    const { note } = this;
    const question = `Delete “${heading(note)}”${note.attachments.length ? " and its attachments" : ""}?`;
    if (!(await this.host.confirm(question, { accept: "Delete", danger: true }))) return;
    try {
      this.dirty = false;
      await this.api.remove(note.id);
      this.closed();
    } catch (error) {
      this.host.notify(error.message, { kind: "error" });
    }
  }

  dropped(event) {
    event.preventDefault();
    if (this.note) this.files.take(event.dataTransfer.files);
  }
}
