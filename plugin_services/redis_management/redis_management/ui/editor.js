// A field for bytes: shown as text, JSON, escapes, hex or Base64, and given back as bytes.

import { bestMode, fromText, MODES, modesOf, toText } from "./bytes.js";
import { fill, h } from "./kit/dom.js";
import { size } from "./kit/format.js";

export class ByteField {
  /** `onchange` is told after each edit. */
  constructor(bytes = new Uint8Array(), { readOnly = false, label = "Value", rows = 8, onchange } = {}) {
    Object.assign(this, { bytes, readOnly, edited: false, onchange });
    this.area = h("textarea", { class: "input code", rows, spellcheck: "false", "aria-label": label });
    this.bar = h("div", { class: "segments", role: "group", "aria-label": "Show as" });
    this.note = h("small", { class: "muted" });
    this.area.addEventListener("input", () => {
      this.edited = true;
      this.onchange?.();
    });
    this.element = h("div", { class: "byte-field" }, h("div", { class: "byte-bar" }, this.bar, this.note), this.area);
    this.show(bestMode(bytes));
  }

  /** What is in the field now; throws an Error in words. */
  value() {
    return this.edited && this.mode !== "json" ? fromText(this.area.value, this.mode) : this.bytes;
  }

  set(bytes) {
    this.bytes = bytes;
    this.edited = false;
    this.show(modesOf(bytes).includes(this.mode) ? this.mode : bestMode(bytes));
  }

  show(mode) {
    this.mode = mode;
    this.area.value = toText(this.bytes, mode);
    // What JSON shows is laid out anew: saving that would change bytes that nobody touched.
    this.area.readOnly = this.readOnly || mode === "json";
    this.note.textContent = size(this.bytes.length) + (mode === "json" && !this.readOnly ? " · to edit, choose Text" : "");
    fill(
      this.bar,
      modesOf(this.bytes).map((name) =>
        h("button", { type: "button", "aria-pressed": String(name === mode), onclick: () => this.turn(name) }, MODES[name]),
      ),
    );
  }

  turn(mode) {
    try {
      const bytes = this.value();
      const edited = this.edited;
      this.bytes = bytes;
      this.show(modesOf(bytes).includes(mode) ? mode : bestMode(bytes));
      // Still to be saved, though the field shows it in another way now.
      this.edited = edited;
    } catch (error) {
      this.note.textContent = error.message;
    }
  }
}
