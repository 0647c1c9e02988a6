// One object: what it is, a look into it, its versions.

import { at, linesOf, pairsOf, transfer, when } from "./api.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { size } from "./kit/format.js";
import { button, choice, facts, field, into, panel } from "./kit/parts.js";
import { versionsPanel } from "./versions.js";

const TIMES = { 3600: "an hour", 86400: "a day", 604800: "seven days" };

export class ObjectPane {
  constructor(page, place, bucket, key, tell) {
    Object.assign(this, { page, place, bucket, key, tell, urls: [] });
    this.about = h("div");
    this.look = h("div");
    this.older = h("div");
    fill(place, this.head(), this.about, this.look, this.older);
    this.load();
  }

  path(path = "") {
    return at(this.bucket, `/object${path}`);
  }

  head() {
    const { writable } = this.page;
    return [
      h("div", { class: "object-bar" },
        button("", () => this.tell.close(), { symbol: "back", kind: "quiet back", title: "Back to the list" }),
        h("h2", { class: "name code grow" }, this.key),
        button("", () => this.tell.close(), { symbol: "close", kind: "quiet close", title: "Close (Esc)" })),
      h("div", { class: "actions object-actions" },
        button("Download", () => this.download()),
        writable && button("Link…", () => this.link()),
        writable && button("Tags…", () => this.tags()),
        writable && button("Metadata…", () => this.metadata()),
        writable && button("Delete", () => this.remove(), { symbol: "trash", kind: "danger", title: "Delete (Del)" })),
    ];
  }

  load() {
    const query = { key: this.key };
    into(this.about, () => this.page.api.get(this.path(), query), { draw: (details) => {
      this.details = details;
      return this.facts(details);
    } });
    into(this.look, () => this.looked(query), { draw: ([found, picture]) => this.preview(found, picture) });
    into(this.older, async () => versionsPanel(this, await this.page.api.get(this.path("/versions"), query)));
  }

  facts(details) {
    const pairs = (of) => Object.entries(of).map(([name, value]) => h("span", { class: "badge tag" }, value ? `${name}: ${value}` : name));
    return panel(
      "About",
      facts([
        ["Size", size(details.size)],
        ["Type", details.contentType],
        ["Changed", when(details.modified)],
        ["ETag", h("span", { class: "code" }, details.etag ?? "–")],
        Object.keys(details.tags).length && ["Tags", pairs(details.tags)],
        Object.keys(details.metadata).length && ["Metadata", pairs(details.metadata)],
      ]),
    );
  }

  /** What a look into it gives, and the picture where it is one. */
  async looked(query) {
    const found = await this.page.api.get(this.path("/preview"), query);
    const picture = !["none", "text"].includes(found.kind);
    return [found, picture && (await transfer(this.page, "GET", this.path("/content"), query))];
  }

  preview(found, picture) {
    if (found.kind === "none") return panel("Content", h("p", { class: "muted" }, "Neither text nor a small picture: download it to look into it."));
    if (found.kind === "text") {
      return panel("Content", found.text ? h("pre", { class: "code preview", tabindex: 0 }, found.text) : h("p", { class: "muted" }, "Empty."), found.truncated && h("p", { class: "muted" }, "Only the beginning."));
    }
    const url = URL.createObjectURL(new Blob([picture], { type: found.contentType }));
    this.urls.push(url);
    return panel("Content", h("img", { class: "preview", src: url, alt: this.key }));
  }

  async download(version) {
    try {
      const blob = await transfer(this.page, "GET", this.path("/content"), { key: this.key, version });
      await this.page.host.download(this.key.split("/").pop() || this.key, blob);
    } catch (error) {
      this.page.failed(error);
    }
  }

  async remove() {
    if (!(await this.page.sure(`Delete “${this.key}”? Without versions this cannot be undone.`, "Delete"))) return;
    try {
      await this.page.api.post(at(this.bucket, "/objects/delete"), {}, { objects: [{ key: this.key }] });
      this.page.done(`Deleted ${this.key}.`);
      this.tell.gone();
    } catch (error) {
      this.page.failed(error);
    }
  }

  link() {
    const how = choice({ GET: "download it", PUT: "upload in its place" }, "GET");
    const time = choice(TIMES, "3600");
    const url = h("textarea", { class: "input code", rows: 5, readonly: true, "aria-label": "The link" });
    url.hidden = true;
    return formDialog(this.page.root.firstChild, {
      title: "Link without a login",
      accept: "Make the link",
      body: [h("p", { class: "muted" }, "It leads to the server itself, and works for whoever has it."), h("div", { class: "pair" }, field("Allows to", how), field("For", time)), url],
      submit: async () => {
        const made = await this.page.api.post(this.path("/link"), {}, { key: this.key, seconds: Number(time.value), method: how.value });
        url.hidden = false;
        url.value = made.url;
        url.select();
        throw new LinkMade();
      },
    });
  }

  async edit(options) {
    if (!this.details || !(await formDialog(this.page.root.firstChild, { accept: "Save", ...options }))) return;
    this.page.done("Saved.");
    this.load();
  }

  tags() {
    const text = h("textarea", { class: "input code", rows: 6, spellcheck: "false", value: linesOf(this.details?.tags) });
    return this.edit({
      title: "Tags",
      body: field("Tags", text, "One a line: name = value. Ten at most."),
      submit: () => this.page.api.put(this.path("/tags"), { key: this.key }, { tags: pairsOf(text.value) }),
    });
  }

  metadata() {
    const type = h("input", { class: "input code", value: this.details?.contentType ?? "" });
    const text = h("textarea", { class: "input code", rows: 6, spellcheck: "false", value: linesOf(this.details?.metadata) });
    return this.edit({
      title: "Metadata",
      body: [field("Type", type), field("Metadata", text, "One a line: name = value.")],
      submit: () => this.page.api.put(this.path("/metadata"), { key: this.key }, { contentType: type.value.trim(), metadata: pairsOf(text.value) }),
    });
  }

  leave() {
    for (const url of this.urls) URL.revokeObjectURL(url);
  }
}

/** Keeps the dialog open with the link in it. */
class LinkMade extends Error {
  constructor() {
    super("Copy the link now: it is not kept.");
  }
}
