// What is set on one bucket.

import { at, linesOf, pairsOf } from "./api.js";
import { removeBucket } from "./buckets.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { size } from "./kit/format.js";
import { button, choice, facts, field, into, panel } from "./kit/parts.js";
import { lifecyclePanel } from "./lifecycle.js";

const ACCESS = { private: "private", "public-read": "everybody may read", custom: "by its own policy" };
const UNITS = { 1: "bytes", [2 ** 20]: "MiB", [2 ** 30]: "GiB", [2 ** 40]: "TiB" };

export function bucketPanels(page, place, bucket) {
  const top = h("div");
  const rules = h("div");
  const load = (quiet = false) => {
    into(top, async () => panels(page, await page.api.get(at(bucket)), load), { quiet });
    into(rules, async () => lifecyclePanel(page, bucket, await page.api.get(at(bucket, "/lifecycle"))), { quiet });
  };
  const bar = h(
    "div",
    { class: "bar" },
    button("", () => page.go("buckets"), { symbol: "back", kind: "quiet", title: "All buckets" }),
    h("h2", { class: "grow code" }, bucket),
    button("Objects", () => page.go("objects", { bucket })),
    page.writable && button("Delete…", () => remove(page, bucket), { symbol: "trash", kind: "danger" }),
  );
  fill(place, bar, top, rules);
  load();
  return {
    key: ({ key }) => {
      if (key === "Escape") return page.go("buckets"), true;
      return key === "r" && (load(true), true);
    },
  };
}

async function remove(page, bucket) {
  if (!(await removeBucket(page, bucket))) return;
  page.done(`Deleted ${bucket}.`);
  page.go("buckets");
}

function panels(page, details, load) {
  const untold = "not told";
  const change = (act, about) => (page.writable ? button("Change", () => act(page, details, load), { kind: "link", about }) : null);
  const tags = details.tags && Object.entries(details.tags);
  return panel(
    "Settings",
    facts([
      ["Versions", details.versioning ?? untold, !details.locking && change(versioning, "versions")],
      ["Access", ACCESS[details.access] ?? untold, details.access && change(policy, "access")],
      ["Quota", details.quota === null ? untold : details.quota ? size(details.quota) : "none", details.quota !== null && change(quota, "quota")],
      ["Tags", tags ? (tags.length ? tags.map(([name, value]) => h("span", { class: "badge tag" }, value ? `${name}: ${value}` : name)) : "none") : untold, tags && change(setTags, "tags")],
      ["Locking", details.locking === null ? untold : details.locking ? "possible" : "off"],
    ]),
    details.access === "custom" && h("details", { class: "policy" }, h("summary", {}, "Policy"), h("pre", { class: "code" }, JSON.stringify(details.policy, null, 2))),
  );
}

async function versioning(page, details, load) {
  const on = details.versioning === "on";
  const words = on
    ? `Stop keeping versions in ${details.name}? Those that there are stay; what is replaced from now on is lost.`
    : `Keep versions in ${details.name}? What is replaced or deleted from now on stays and takes room.`;
  if (!(await page.host.confirm(words, { accept: on ? "Stop" : "Keep versions", danger: on }))) return;
  try {
    await page.api.put(at(details.name, "/versioning"), {}, { enabled: !on });
    page.done("Saved.");
  } catch (error) {
    page.failed(error);
  }
  load(true);
}

async function dialog(page, load, options) {
  if (!(await formDialog(page.root.firstChild, { accept: "Save", ...options }))) return;
  page.done("Saved.");
  load(true);
}

function policy(page, details, load) {
  const text = h("textarea", { class: "input code", rows: 14, spellcheck: "false", value: JSON.stringify(details.policy, null, 2) });
  const json = field("Policy", text, "JSON, as AWS writes it. The server checks it before it counts.");
  const kind = choice({ private: "Private", "public-read": "Everybody may read objects", custom: "By a policy of its own" }, details.access, (chosen) => (json.hidden = chosen !== "custom"));
  json.hidden = details.access !== "custom";
  return dialog(page, load, {
    title: `Access to ${details.name}`,
    wide: true,
    body: [field("Who may", kind), json],
    submit: () => {
      if (kind.value !== "custom") return page.api.put(at(details.name, "/policy"), {}, { preset: kind.value });
      let document;
      try {
        document = JSON.parse(text.value);
      } catch (error) {
        throw new Error(`This is not JSON: ${error.message}`);
      }
      return page.api.put(at(details.name, "/policy"), {}, { policy: document });
    },
  });
}

function quota(page, details, load) {
  const unit = Object.keys(UNITS).map(Number).sort((one, other) => other - one).find((unit) => details.quota && details.quota % unit === 0) ?? 2 ** 30;
  const number = h("input", { class: "input", type: "number", min: 0, step: "any", value: details.quota ? details.quota / unit : "", placeholder: "none" });
  const units = choice(UNITS, String(unit));
  units.setAttribute("aria-label", "Unit");
  return dialog(page, load, {
    title: `Quota of ${details.name}`,
    body: [h("div", { class: "pair" }, field("At most", number), units), h("p", { class: "muted" }, "The server counts now and then: a bucket may grow somewhat over it.")],
    submit: () => page.api.put(at(details.name, "/quota"), {}, { bytes: Math.round(Number(number.value || 0) * Number(units.value)) }),
  });
}

function setTags(page, details, load) {
  const text = h("textarea", { class: "input code", rows: 6, spellcheck: "false", value: linesOf(details.tags) });
  return dialog(page, load, {
    title: `Tags of ${details.name}`,
    body: field("Tags", text, "One a line: name = value."),
    submit: () => page.api.put(at(details.name, "/tags"), {}, { tags: pairsOf(text.value) }),
  });
}
