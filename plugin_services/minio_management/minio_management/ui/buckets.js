// The buckets of a server, and one of them with what is set on it.

import { at, when } from "./api.js";
import { bucketPanels } from "./bucket.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h, icon } from "./kit/dom.js";
import { count, plural, size } from "./kit/format.js";
import { button, empty, field, into, moreButton } from "./kit/parts.js";
import { searchForm, searchInput } from "./kit/search.js";

export function bucketsView(page, place, params) {
  return params.bucket ? bucketPanels(page, place, params.bucket) : new BucketList(page, place, params);
}

class BucketList {
  constructor(page, place, params) {
    Object.assign(this, { page, after: undefined });
    this.search = searchInput("Part of the name", { value: params.search ?? "", label: "Search buckets" });
    this.table = h("div");
    const form = searchForm(
      this.search,
      () => this.look(),
      {},
      page.writable && button("New bucket", () => this.add(), { symbol: "plus", kind: "primary", title: "New bucket (n)" }),
      button("", () => this.load(), { symbol: "refresh", title: "Load again (r)" }),
    );
    fill(place, form, this.table);
    this.load();
  }

  look() {
    this.page.go("buckets", { search: this.search.value.trim() || undefined }, { quiet: true });
    this.load();
  }

  load() {
    const search = this.search.value.trim();
    into(this.table, async () => {
      const found = await this.page.api.get("/buckets", { search });
      if (!found.total) return search ? empty("No bucket matches", "Search for another part of the name.") : empty("No buckets yet", "A bucket holds objects: files with names.");
      const body = h("tbody", {}, found.buckets.map((bucket) => this.row(bucket)));
      const foot = h("div", { class: "list-foot" });
      this.foot(foot, body, found, search);
      return [h("div", { class: "panel" }, h("div", { class: "body" }, table(body))), foot];
    });
  }

  foot(foot, body, found, search) {
    const more = async () => {
      try {
        const next = await this.page.api.get("/buckets", { search, after: found.after });
        body.append(...next.buckets.map((bucket) => this.row(bucket)));
        this.foot(foot, body, next, search);
      } catch (error) {
        this.page.failed(error);
      }
    };
    fill(foot, h("span", { class: "grow muted" }, `${count(body.childElementCount)} of ${plural(found.total, "bucket")}`), found.after !== null && moreButton(more));
  }

  row(bucket) {
    const open = () => this.page.go("objects", { bucket: bucket.name });
    return h(
      "tr",
      {},
      h("td", { "data-label": "Name" }, button(bucket.name, open, { kind: "link", title: `Objects of ${bucket.name}` }), bucket.versioning && h("span", { class: "badge" }, "versions"), bucket.locking && h("span", { class: "badge" }, icon("lock"), "locking")),
      h("td", { "data-label": "Objects", class: "right number" }, count(bucket.objects)),
      h("td", { "data-label": "Size", class: "right number" }, size(bucket.size), bucket.quota > 0 && h("span", { class: "muted" }, ` of ${size(bucket.quota)}`)),
      h("td", { "data-label": "Made", class: "muted" }, when(bucket.created)),
      h("td", { class: "row-actions" }, button("", () => this.page.go("buckets", { bucket: bucket.name }), { symbol: "edit", kind: "quiet", title: `Settings of ${bucket.name}` })),
    );
  }

  async add() {
    const name = h("input", { class: "input code", spellcheck: "false", autocapitalize: "off" });
    const versioning = h("input", { type: "checkbox" });
    const locking = h("input", { type: "checkbox" });
    const made = await formDialog(this.page.root.firstChild, {
      title: "New bucket",
      accept: "Make the bucket",
      body: [
        field("Name", name, "3 to 63 small letters, digits, hyphens and dots."),
        h("label", { class: "check" }, versioning, "Keep versions of objects"),
        h("label", { class: "check" }, locking, "Objects may be locked against deletion (for ever, and with versions)"),
      ],
      submit: async () => {
        await this.page.api.post("/buckets", {}, { name: name.value.trim(), versioning: versioning.checked, locking: locking.checked });
        return name.value.trim();
      },
    });
    if (!made) return;
    this.page.done(`Made ${made}.`);
    this.load();
  }

  key({ key }) {
    if (key === "/") return this.search.focus(), this.search.select(), true;
    if (key === "n" && this.page.writable) return this.add(), true;
    return key === "r" && (this.load(), true);
  }
}

function table(body) {
  const heads = [["Name"], ["Objects", "right"], ["Size", "right"], ["Made"], [""]];
  return h("table", { class: "plain stack" }, h("thead", {}, h("tr", {}, heads.map(([text, side]) => h("th", { class: side ?? "" }, text || h("span", { class: "unseen" }, "Actions"))))), body);
}

/** Asks for the name, then deletes all that is in the bucket, step by step, and the bucket. */
export async function removeBucket(page, bucket) {
  const typed = h("input", { class: "input code", spellcheck: "false", autocapitalize: "off" });
  const withContent = h("input", { type: "checkbox" });
  const progress = h("p", { class: "muted", role: "status" });
  return formDialog(page.root.firstChild, {
    title: `Delete ${bucket}`,
    accept: "Delete the bucket",
    danger: true,
    body: [
      h("p", {}, "This cannot be undone."),
      h("label", { class: "check" }, withContent, "Also delete all objects and versions in it"),
      field(`Type ${bucket} to confirm`, typed),
      progress,
    ],
    submit: async () => {
      if (typed.value !== bucket) throw new Error(`Type ${bucket} to confirm.`);
      if (!withContent.checked) return (await page.api.remove(at(bucket))).done;
      let deleted = 0;
      for (;;) {
        const step = await page.api.post(at(bucket, "/remove"), { confirm: typed.value });
        deleted += step.deleted;
        fill(progress, `Deleted ${plural(deleted, "object")} so far.`);
        if (step.finished) return true;
        if (!progress.isConnected) throw new Error("Stopped.");
      }
    },
  });
}
