// Access keys: more logins of a user, which may be bound to less and may end.

import { act, AccountList, detailsView, disabledBadge } from "./account_list.js";
import { when } from "./api.js";
import { formDialog } from "./kit/dialog.js";
import { h } from "./kit/dom.js";
import { button, choice, facts, field, panel } from "./kit/parts.js";
import { showSecret } from "./picker.js";
import { json, parsed, policyText } from "./policies.js";

const TIMES = { "": "never", 1: "in a day", 7: "in 7 days", 30: "in 30 days", 90: "in 90 days", 365: "in a year" };

export function accessKeyList(page, place, params) {
  const list = new AccountList(page, place, params, {
    part: "keys", path: "/accounts/access-keys", field: "accessKeys", asked: "user", hint: "User; empty for whom this connection logs in as", one: "access key", many: "access keys", addLabel: "New key", add: newKey,
    nothing: (user) => [user ? `No access keys of ${user}` : "No access keys yet", "An access key is one more login of a user, for a program, say."],
    columns: {
      "Access key": (key) => [list.open(key.accessKey), disabledBadge(key)],
      User: (key) => key.user || "–",
      Label: (key) => key.label || "–",
      May: (key) => h("span", { class: "muted" }, key.bound ? "what its own policy allows" : "all that its user may"),
      Ends: (key) => h("span", { class: "muted" }, key.expires ? when(key.expires) : "never"),
    },
  });
  return list;
}

async function newKey(page) {
  const label = h("input", { class: "input code", spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  const description = h("input", { class: "input" });
  const ends = choice(TIMES, "");
  const bound = h("input", { type: "checkbox" });
  const text = policyText(json({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["s3:GetObject"], Resource: ["arn:aws:s3:::BUCKET/*"] }] }), 11);
  const policy = field("Policy", text, "JSON. The key may do what both this and its user's policies allow.");
  policy.hidden = true;
  bound.addEventListener("change", () => (policy.hidden = !bound.checked));
  const made = await formDialog(page.root.firstChild, {
    title: "New access key",
    accept: "Make the key",
    wide: true,
    body: [
      h("p", { class: "muted" }, `Of the user that this connection logs in as${page.connection.accessKey ? ` (${page.connection.accessKey})` : ""}.`),
      h("div", { class: "pair" }, field("Label", label, "Letters, digits, hyphens."), field("Ends", ends, "It is refused after that.")),
      field("Description", description),
      h("label", { class: "check" }, bound, "Allow it less than its user"),
      policy,
    ],
    submit: () => page.api.post("/accounts/access-keys", {}, { label: label.value.trim(), description: description.value.trim(), days: ends.value ? Number(ends.value) : null, policy: bound.checked ? parsed(text.value) : null }),
  });
  if (made) await showSecret(page, made, "New access key");
  return made;
}

export function accessKeyDetails(page, place, name) {
  const back = () => page.go("access", { part: "keys" });
  return detailsView(page, place, { title: name, back, load: () => page.api.get("/accounts/access-key", { key: name }), draw: (key) => draw(page, key, back) });
}

function draw(page, key, back) {
  const named = key.label ? `“${key.accessKey}” (${key.label})` : `“${key.accessKey}”`;
  const remove = () =>
    act(page, { words: `Delete the access key ${named}? Whatever uses it is refused at once. This cannot be undone.`, accept: "Delete", work: () => page.api.remove("/accounts/access-key", { key: key.accessKey }), done: `Deleted ${key.accessKey}.`, then: back });
  return {
    remove: page.writable && remove,
    actions: page.writable && button("Delete…", remove, { symbol: "trash", kind: "danger", title: "Delete (Del)" }),
    content: [
      panel("Access key", facts([
        ["User", key.user || "–"],
        ["Status", key.enabled ? "enabled" : "disabled"],
        ["Label", key.label || "–"],
        key.description && ["Description", key.description],
        ["Ends", key.expires ? when(key.expires) : "never"],
        ["May", key.bound ? "what both its own policy and its user's allow" : "all that its user may"],
      ])),
      key.policy && panel("Its policy", h("pre", { class: "code document", tabindex: 0 }, json(key.policy))),
    ],
  };
}
