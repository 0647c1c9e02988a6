// Users of the server.

import { act, AccountList, badges, detailsView, disabledBadge } from "./account_list.js";
import { formDialog } from "./kit/dialog.js";
import { h } from "./kit/dom.js";
import { button, facts, field, panel } from "./kit/parts.js";
import { findPolicies, pickDialog, picker, showSecret } from "./picker.js";

export function userList(page, place, params) {
  const list = new AccountList(page, place, params, {
    part: "users", path: "/accounts/users", field: "users", asked: "search", hint: "Part of the user's name", one: "user", many: "users", addLabel: "New user", add: newUser,
    nothing: (search) => (search ? ["No user matches", "Search for another part of the name."] : ["No users yet", "Besides the root user, whom MinIO does not list."]),
    columns: {
      Name: (user) => [list.open(user.name), disabledBadge(user)],
      Policies: (user) => badges(user.policies),
      Groups: (user) => badges(user.groups),
    },
  });
  return list;
}

function secretField() {
  const secret = h("input", { class: "input code", type: "password", autocomplete: "new-password", placeholder: "a new one" });
  return { secret, element: field("Secret key", secret, "8 to 40 characters. Leave it empty to get a new one, which is shown once.") };
}

async function newUser(page) {
  const name = h("input", { class: "input code", spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  const { secret, element } = secretField();
  const policies = picker("Policies", findPolicies(page));
  const made = await formDialog(page.root.firstChild, {
    title: "New user",
    accept: "Make the user",
    body: [field("Name", name, "It is the access key, too."), element, policies.element],
    submit: () => page.api.post("/accounts/users", {}, { name: name.value.trim(), secretKey: secret.value || null, policies: [...policies.chosen] }),
  });
  if (made) await showSecret(page, made, `Made ${made.name}`);
  return made;
}

export function userDetails(page, place, name) {
  const back = () => page.go("access", { part: "users" });
  return detailsView(page, place, { title: name, back, load: () => page.api.get("/accounts/user", { name }), draw: (user, again) => draw(page, user, again, back) });
}

function draw(page, user, again, back) {
  const { name } = user;
  const remove = () =>
    act(page, { words: `Delete the user “${name}”? Its access keys go with it: whatever uses them is refused at once. This cannot be undone.`, accept: "Delete", work: () => page.api.remove("/accounts/user", { name }), done: `Deleted ${name}.`, then: back });
  const status = (enabled) =>
    act(page, { words: enabled ? "" : `Disable the user “${name}”? It and its access keys are refused at once.`, accept: "Disable", work: () => page.api.put("/accounts/user/status", { name }, { enabled }), done: enabled ? `Enabled ${name}.` : `Disabled ${name}.`, then: again });
  const policies = async () => {
    const save = (chosen) => page.api.put("/accounts/user/policies", { name }, { policies: chosen });
    if (await pickDialog(page, { title: `Policies of ${name}`, label: "Policies", find: findPolicies(page), before: user.policies, save })) again();
  };
  const groups = user.groups.map((group) => button(group, () => page.go("access", { part: "groups", name: group }), { kind: "link" }));
  return {
    remove: page.writable && remove,
    actions: page.writable && [
      user.enabled ? button("Disable", () => status(false)) : button("Enable", () => status(true)),
      button("New secret key…", () => newSecret(page, user)),
      button("Delete…", remove, { symbol: "trash", kind: "danger", title: "Delete (Del)" }),
    ],
    content: panel("User", facts([
      ["Status", user.enabled ? "enabled" : "disabled"],
      ["Policies", badges(user.policies), page.writable && button("Change", policies, { kind: "link", about: "policies" })],
      ["Groups", groups.length ? h("span", { class: "links" }, groups) : "none"],
      ["Access keys", button("See them", () => page.go("access", { part: "keys", user: name }), { kind: "link" })],
    ])),
  };
}

async function newSecret(page, { name }) {
  const { secret, element } = secretField();
  const made = await formDialog(page.root.firstChild, {
    title: `New secret key of ${name}`,
    accept: "Set it",
    danger: true,
    body: [h("p", {}, `The secret key that “${name}” has now is refused at once.`), element],
    submit: () => page.api.put("/accounts/user/secret", { name }, { secretKey: secret.value || null }),
  });
  if (made) await showSecret(page, made, `New secret key of ${name}`);
}
