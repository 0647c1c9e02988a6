// Lifecycle rules of a bucket.

import { at, linesOf, pairsOf } from "./api.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { plural } from "./kit/format.js";
import { button, field, panel } from "./kit/parts.js";

export function lifecyclePanel(page, bucket, { rules }) {
  const place = h("div");
  const save = async (next) => {
    const answer = await page.api.put(at(bucket, "/lifecycle"), {}, { rules: next });
    page.done("Saved.");
    draw(answer.rules);
  };
  const draw = (now) => fill(place, content(page, now, save));
  draw(rules);
  return panel("Lifecycle", place);
}

function content(page, rules, save) {
  const edit = (rule) => ruleDialog(page, rules, rule, save);
  const remove = async (rule) => {
    if (!(await page.sure(`Remove the rule “${rule.id}”? Nothing expires by it any more.`, "Remove"))) return;
    try {
      await save(rules.filter((one) => one !== rule));
    } catch (error) {
      page.failed(error);
    }
  };
  const row = (rule) =>
    h(
      "li",
      {},
      h("div", { class: "grow" }, h("strong", {}, rule.id), !rule.enabled && h("span", { class: "badge" }, "off"), h("div", { class: "muted" }, `${what(rule)} · ${which(rule)}`)),
      page.writable && !rule.other && button("", () => edit(rule), { symbol: "edit", kind: "quiet", title: `Edit ${rule.id}` }),
      page.writable && button("", () => remove(rule), { symbol: "trash", kind: "quiet", title: `Remove ${rule.id}` }),
    );
  return [
    rules.length ? h("ul", { class: "rules" }, rules.map(row)) : h("p", { class: "muted" }, "Nothing goes by itself."),
    page.writable && h("div", { class: "actions" }, button("New rule", () => edit(null), { symbol: "plus" })),
  ];
}

const days = (number) => plural(number, "day");

function what(rule) {
  const parts = [
    rule.expireDays && `objects go after ${days(rule.expireDays)}`,
    rule.oldVersionDays && `older versions go after ${days(rule.oldVersionDays)}`,
    rule.keepOldVersions && `${plural(rule.keepOldVersions, "older version")} stay`,
    rule.loneMarkers && "delete markers without versions go",
    rule.abortUploadDays && `unfinished uploads go after ${days(rule.abortUploadDays)}`,
    rule.other && "with parts that are not shown here",
  ];
  return parts.filter(Boolean).join(", ");
}

function which(rule) {
  const tags = Object.entries(rule.tags).map(([name, value]) => `${name}: ${value}`);
  return [rule.prefix ? `below ${rule.prefix}` : "everything", ...tags].join(", ");
}

function ruleDialog(page, rules, rule, save) {
  const text = (value) => h("input", { class: "input code", value: value ?? "", spellcheck: "false", autocapitalize: "off" });
  const number = (value) => h("input", { class: "input", type: "number", min: 1, value: value ?? "", placeholder: "never" });
  const id = text(rule?.id ?? `rule-${rules.length + 1}`);
  const prefix = text(rule?.prefix);
  const tags = h("textarea", { class: "input code", rows: 2, spellcheck: "false", value: linesOf(rule?.tags) });
  const expire = number(rule?.expireDays);
  const old = number(rule?.oldVersionDays);
  const keep = number(rule?.keepOldVersions);
  keep.placeholder = "none";
  const lone = h("input", { type: "checkbox", checked: rule?.loneMarkers ?? false });
  const enabled = h("input", { type: "checkbox", checked: rule?.enabled ?? true });
  return formDialog(page.root.firstChild, {
    title: rule ? `Rule ${rule.id}` : "New rule",
    accept: "Save",
    body: [
      field("Name", id),
      field("Names that begin with", prefix, "Empty for all objects."),
      field("Only objects with these tags", tags, "One a line: name = value."),
      h("div", { class: "pair" }, field("Objects go after (days)", expire), field("Older versions after (days)", old)),
      field("Older versions that stay anyway", keep),
      h("label", { class: "check" }, lone, "Remove delete markers without versions"),
      h("label", { class: "check" }, enabled, "In force"),
    ],
    submit: async () => {
      const whole = (input) => (input.value ? Number(input.value) : null);
      const next = {
        id: id.value.trim(), enabled: enabled.checked, prefix: prefix.value, tags: pairsOf(tags.value), expireDays: whole(expire),
        oldVersionDays: whole(old), keepOldVersions: whole(keep), loneMarkers: lone.checked, abortUploadDays: rule?.abortUploadDays ?? null,
      };
      await save(rule ? rules.map((one) => (one === rule ? next : one)) : [...rules, next]);
    },
  });
}
