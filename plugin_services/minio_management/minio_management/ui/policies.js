// Policies: what they say as JSON, and who has them.

import { act, AccountList, detailsView } from "./account_list.js";
import { formDialog } from "./kit/dialog.js";
import { h } from "./kit/dom.js";
import { plural } from "./kit/format.js";
import { button, facts, field, panel } from "./kit/parts.js";

const EXAMPLE = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: ["s3:GetObject"], Resource: ["arn:aws:s3:::BUCKET/*"] }],
};

export const json = (document) => JSON.stringify(document, null, 2);

/** What is typed as an object; throws in words. */
export function parsed(text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`);
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) throw new Error("A policy is an object: { … }");
  return document;
}

export function policyText(value, rows = 16) {
  const text = h("textarea", { class: "input code", rows, spellcheck: "false", autocapitalize: "off", value });
  // Seen from its beginning, once it has the focus.
  text.setSelectionRange(0, 0);
  return text;
}

export function policyList(page, place, params) {
  const list = new AccountList(page, place, params, {
    part: "policies", path: "/accounts/policies", field: "policies", asked: "search", hint: "Part of the policy's name", one: "policy", many: "policies", addLabel: "New policy", add: (page) => newPolicy(page, EXAMPLE),
    nothing: () => ["No policy matches", "Search for another part of the name."],
    columns: {
      Name: (policy) => [list.open(policy.name), policy.builtIn && h("span", { class: "badge" }, "comes with MinIO")],
      Says: (policy) => h("span", { class: "muted" }, plural(policy.statements, "statement")),
    },
  });
  return list;
}

async function newPolicy(page, document) {
  const name = h("input", { class: "input code", spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  const text = policyText(json(document));
  const made = await formDialog(page.root.firstChild, {
    title: "New policy",
    accept: "Make the policy",
    wide: true,
    body: [field("Name", name), field("Policy", text, "JSON, as AWS writes it. The server checks it before it counts.")],
    submit: () => page.api.post("/accounts/policies", {}, { name: name.value.trim(), document: parsed(text.value) }),
  });
  if (made) page.done(`Made ${made.name}.`);
  return made;
}

export function policyDetails(page, place, name) {
  const back = () => page.go("access", { part: "policies" });
  return detailsView(page, place, { title: name, back, load: () => page.api.get("/accounts/policy", { name }), draw: (policy, again) => draw(page, policy, again, back) });
}

function draw(page, policy, again, back) {
  const { name } = policy;
  const own = page.writable && !policy.builtIn;
  const remove = () =>
    act(page, { words: `Delete the policy “${name}”? This cannot be undone.`, accept: "Delete", work: () => page.api.remove("/accounts/policy", { name }), done: `Deleted ${name}.`, then: back });
  const copy = async () => {
    const made = await newPolicy(page, policy.document);
    if (made) page.go("access", { part: "policies", name: made.name });
  };
  const links = (names, part) => (names.length ? h("span", { class: "links" }, names.map((one) => button(one, () => page.go("access", { part, name: one }), { kind: "link" }))) : "none");
  return {
    remove: own && remove,
    actions: page.writable && [
      own && button("Edit…", () => edit(page, policy, again), { symbol: "edit" }),
      button("Copy…", copy, { title: "Make another one like it" }),
      own && button("Delete…", remove, { symbol: "trash", kind: "danger", title: "Delete (Del)" }),
    ],
    content: [
      panel("Policy", facts([
        ["Users", links(policy.users, "users")],
        ["Groups", links(policy.groups, "groups")],
        policy.builtIn && ["Origin", "comes with MinIO, and stays as it is"],
      ])),
      panel("What it says", h("pre", { class: "code document", tabindex: 0 }, json(policy.document))),
    ],
  };
}

async function edit(page, policy, again) {
  const holders = [policy.users.length && plural(policy.users.length, "user"), policy.groups.length && plural(policy.groups.length, "group")].filter(Boolean);
  const text = policyText(json(policy.document));
  const saved = await formDialog(page.root.firstChild, {
    title: `Policy ${policy.name}`,
    accept: "Save",
    wide: true,
    body: [
      field("Policy", text, "JSON, as AWS writes it. The server checks it before it counts."),
      holders.length > 0 && h("p", {}, `It counts at once for ${holders.join(" and ")}.`),
    ],
    submit: () => page.api.put("/accounts/policy", { name: policy.name }, { document: parsed(text.value) }),
  });
  if (!saved) return;
  page.done("Saved.");
  again();
}
