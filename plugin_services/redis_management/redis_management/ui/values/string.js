// A string: page by page while it is only looked at, whole while it is edited.

import { blobOf, bytesOf } from "../bytes.js";
import { fill, h } from "../kit/dom.js";
import { ByteField } from "../editor.js";
import { size } from "../kit/format.js";
import { button, into } from "../kit/parts.js";
import { EDITABLE } from "./table.js";

const PAGE = 64 * 1024;

export function stringValue(key) {
  into(key.place, async () => view(key, await key.api.get("/key/string", { ...key.query, limit: PAGE })));
}

function view(key, page) {
  const whole = page.nextOffset === null;
  const writable = key.page.writable && whole;
  const note = h("span", { class: "muted grow", role: "status" });
  const save = button("Save", () => store(), { kind: "primary", title: "Save (Ctrl+Enter)", disabled: true });
  const revert = button("Undo", () => (area.set(bytes), refresh()), { disabled: true });
  let { tag } = page;
  let bytes = bytesOf(page.value);
  const area = new ByteField(bytes, { rows: 18, readOnly: !writable, onchange: () => refresh() });

  function refresh() {
    save.disabled = revert.disabled = !area.edited;
    note.textContent = area.edited ? "Not saved yet" : "";
  }

  async function store() {
    save.disabled = true;
    try {
      const value = area.value();
      const change = await key.api.put("/key/string", key.query, { value: blobOf(value), ifTag: tag });
      bytes = value;
      area.set(value);
      key.page.done("Saved.");
      tag = (await key.api.get("/key/string", { ...key.query, limit: EDITABLE })).tag;
      await key.changed(change);
    } catch (error) {
      key.page.failed(error);
    }
    refresh();
  }

  area.area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && area.edited) store();
  });
  return [area.element, writable ? h("div", { class: "list-foot" }, note, revert, save) : !whole && pages(key, page, area)];
}

/** Larger than a page: leaf through it, or fetch all of it where that is still sensible. */
function pages(key, first, area) {
  const foot = h("div", { class: "list-foot" });
  const offsets = [0];
  async function go(offset, back = false) {
    try {
      const page = await key.api.get("/key/string", { ...key.query, offset, limit: PAGE });
      if (back) offsets.pop();
      else offsets.push(offset);
      area.set(bytesOf(page.value));
      draw(page);
    } catch (error) {
      key.page.failed(error);
    }
  }
  async function all() {
    into(key.place, async () => view(key, await key.api.get("/key/string", { ...key.query, limit: EDITABLE })));
  }
  function draw(page) {
    const end = page.nextOffset ?? page.total;
    fill(
      foot,
      h("span", { class: "muted grow" }, `${size(page.offset)} to ${size(end)} of ${size(page.total)}`),
      page.total <= EDITABLE && button(key.page.writable ? "Load all to edit" : "Load all", all),
      button("Previous", () => go(offsets.at(-2), true), { disabled: offsets.length < 2 }),
      button("Next", () => go(page.nextOffset), { disabled: page.nextOffset === null }),
    );
  }
  draw(first);
  return foot;
}
