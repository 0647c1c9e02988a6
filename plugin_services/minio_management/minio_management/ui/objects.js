// The objects of a bucket: folders and names, and the object that is open.

import { at } from "./api.js";
import { deleteBelow, deleteChosen } from "./delete.js";
import { fill, h } from "./kit/dom.js";
import { count, plural } from "./kit/format.js";
import { button, choice, empty, into } from "./kit/parts.js";
import { searchForm, searchInput } from "./kit/search.js";
import { ObjectPane } from "./object.js";
import { ObjectList } from "./object_list.js";
import { Uploads } from "./uploads.js";

export function objectsView(page, place, params) {
  return params.bucket ? new ObjectsView(page, place, params) : chooseBucket(page, place);
}

function chooseBucket(page, place) {
  const inner = h("div", { class: "choose" });
  fill(place, inner);
  into(inner, async () => {
    const { buckets, total } = await page.api.get("/buckets", { limit: 1000 });
    if (!total) return empty("No buckets yet", "Make one first.", button("Buckets", () => page.go("buckets")));
    const names = { "": "Choose…", ...Object.fromEntries(buckets.map(({ name }) => [name, name])) };
    const select = choice(names, "", (bucket) => bucket && page.go("objects", { bucket }));
    select.setAttribute("aria-label", "Bucket");
    return empty("Which bucket?", "Its objects are shown here.", select);
  });
  return {};
}

class ObjectsView {
  constructor(page, place, params) {
    Object.assign(this, { page, params, bucket: params.bucket });
    this.search = searchInput("Names that begin with…", { value: params.prefix ?? "", label: "Prefix" });
    this.path = h("nav", { class: "path", "aria-label": "Folder" });
    this.picked = h("div", { class: "picked" });
    this.list = new ObjectList(page, this.bucket, { folder: (prefix) => this.enter(prefix), open: (key) => this.open(key), selected: () => this.drawPicked() });
    this.uploads = new Uploads(page, this.bucket, () => this.prefix, () => this.list.search(this.prefix));
    this.side = h("section", { class: "side", "aria-label": "Object" });
    const left = h("div", { class: "left" }, this.tools(), this.path, this.picked, this.uploads.element, this.list.element);
    this.frame = h("div", { class: "two" }, left, this.side);
    if (page.writable) this.uploads.takeDrops(this.frame);
    fill(place, this.frame);
    this.drawPath();
    this.list.search(this.prefix);
    this.show(params.key ?? null);
  }

  get prefix() {
    return this.search.value;
  }

  tools() {
    const { page } = this;
    return searchForm(
      this.search,
      () => this.look(),
      { kind: "tools" },
      h("div", { class: "actions" },
        page.writable && button("Upload", () => this.uploads.choose(), { symbol: "plus", kind: "primary", title: "Upload files (n)" }),
        button("", () => this.list.search(this.prefix), { symbol: "refresh", title: "Load again (r)" }),
        page.writable && button("Delete below…", () => this.deleteBelow(), { kind: "danger", title: "Delete everything below this prefix" })),
    );
  }

  /** The way down to the folder, each step a button. */
  drawPath() {
    const steps = this.prefix.split("/").slice(0, -1);
    const crumbs = steps.map((name, index) => [h("span", { class: "muted", "aria-hidden": "true" }, "/"), button(name || "(empty)", () => this.enter(`${steps.slice(0, index + 1).join("/")}/`), { kind: "link" })]);
    fill(this.path, button(this.bucket, () => this.enter(""), { kind: "link" }), crumbs, h("span", { class: "grow" }), button("Settings", () => this.page.go("buckets", { bucket: this.bucket }), { kind: "link" }));
  }

  enter(prefix) {
    this.search.value = prefix;
    this.look();
  }

  look() {
    this.address(undefined);
    this.drawPath();
    this.list.search(this.prefix);
    this.show(null);
  }

  address(key) {
    this.params = { bucket: this.bucket, prefix: this.prefix || undefined, key };
    this.page.go("objects", this.params, { quiet: true });
  }

  open(key) {
    this.address(key ?? undefined);
    this.show(key);
  }

  show(key) {
    this.pane?.leave();
    this.list.open(key);
    this.frame.classList.toggle("opened", key !== null);
    if (key === null) {
      this.pane = this.side.current = null;
      fill(this.side, h("p", { class: "hint muted" }, "Choose an object to see it", this.page.writable && ", or drop files here to upload them", ". Press ", h("kbd", {}, "?"), " for the keyboard."));
      return;
    }
    this.pane = new ObjectPane(this.page, this.side, this.bucket, key, {
      close: () => this.open(null),
      gone: () => {
        this.list.drop([key]);
        this.open(null);
      },
    });
  }

  drawPicked() {
    const chosen = this.list?.selected;
    if (!chosen?.size) return fill(this.picked);
    return fill(
      this.picked,
      h("span", { class: "grow" }, `${plural(chosen.size, "object")} selected`),
      button("Clear", () => this.list.clear(), { kind: "quiet" }),
      button(`Delete ${count(chosen.size)}`, () => this.deletePicked(), { symbol: "trash", kind: "danger" }),
    );
  }

  async deletePicked() {
    const keys = [...this.list.selected];
    await deleteChosen(this.page, this.bucket, keys, (gone) => this.list.drop(gone));
    if (keys.includes(this.params.key) && !this.list.has(this.params.key)) this.open(null);
  }

  async deleteBelow() {
    if (await deleteBelow(this.page, this.bucket, this.prefix)) this.look();
  }

  key({ key }) {
    if (key === "/") return this.search.focus(), this.search.select(), true;
    if (key === "j" || key === "ArrowDown") return this.list.move(1);
    if (key === "k" || key === "ArrowUp") return this.list.move(-1);
    if (key === " " && document.activeElement?.closest(".object-list")) return this.list.toggleFocused();
    if (key === "n" && this.page.writable) return this.uploads.choose(), true;
    if (key === "r") return this.list.search(this.prefix), this.pane?.load(), true;
    if (key === "Escape" && this.pane) return this.open(null), true;
    if (key === "Backspace" && this.prefix) return this.enter(this.prefix.replace(/[^/]*\/?$/, "")), true;
    if (key === "Delete" && this.pane && this.page.writable) return this.pane.remove(), true;
    return false;
  }

  leave() {
    this.list.leave();
    this.pane?.leave();
  }
}
