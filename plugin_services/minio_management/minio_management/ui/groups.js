// Groups of users.

import { act, AccountList, badges, detailsView, disabledBadge } from "./account_list.js";
import { formDialog } from "./kit/dialog.js";
import { h } from "./kit/dom.js";
import { count, plural } from "./kit/format.js";
import { button, facts, field, panel } from "./kit/parts.js";
import { findPolicies, findUsers, pickDialog, picker } from "./picker.js";

const policiesOf = ({ policies }) => (policies === null ? h("span", { class: "muted" }, "not told while disabled") : badges(policies));

export function groupList(page, place, params) {
  const list = new AccountList(page, place, params, {
    part: "groups", path: "/accounts/groups", field: "groups", asked: "search", hint: "Part of the group's name", one: "group", many: "groups", addLabel: "New group", add: newGroup,
    nothing: (search) => (search ? ["No group matches", "Search for another part of the name."] : ["No groups yet", "The policies of a group count for each of its members."]),
    columns: {
      Name: (group) => [list.open(group.name), disabledBadge(group)],
      Members: (group) => count(group.members.length),
      Policies: policiesOf,
    },
  });
  return list;
}

async function newGroup(page) {
  const name = h("input", { class: "input code", spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  const members = picker("Members", findUsers(page));
  const policies = picker("Policies", findPolicies(page));
  const made = await formDialog(page.root.firstChild, {
    title: "New group",
    accept: "Make the group",
    body: [field("Name", name), members.element, policies.element],
    submit: () => page.api.post("/accounts/groups", {}, { name: name.value.trim(), members: [...members.chosen], policies: [...policies.chosen] }),
  });
  if (made) page.done(`Made ${made.name}.`);
  return made;
}

export function groupDetails(page, place, name) {
  const back = () => page.go("access", { part: "groups" });
  return detailsView(page, place, { title: name, back, load: () => page.api.get("/accounts/group", { name }), draw: (group, again) => draw(page, group, again, back) });
}

function draw(page, group, again, back) {
  const { name } = group;
  const members = plural(group.members.length, "member");
  const losing = group.members.length ? ` Its ${members} ${group.members.length === 1 ? "stays a user and loses" : "stay users and lose"} what only its policies allow.` : "";
  const remove = () =>
    act(page, { words: `Delete the group “${name}”?${losing} This cannot be undone.`, accept: "Delete", work: () => page.api.remove("/accounts/group", { name, members: true }), done: `Deleted ${name}.`, then: back });
  const status = (enabled) =>
    act(page, { words: enabled ? "" : `Disable the group “${name}”? Its policies no longer count for its ${members}.`, accept: "Disable", work: () => page.api.put("/accounts/group/status", { name }, { enabled }), done: enabled ? `Enabled ${name}.` : `Disabled ${name}.`, then: again });
  const pick = async (label, find, before, path) => {
    const save = (chosen) => page.api.put(`/accounts/group/${path}`, { name }, { [path]: chosen });
    if (await pickDialog(page, { title: `${label} of ${name}`, label, find: find(page), before, save })) again();
  };
  const change = (label, find, before, path) => page.writable && button("Change", () => pick(label, find, before, path), { kind: "link", title: `Change the ${path}`, about: path });
  const users = group.members.map((user) => button(user, () => page.go("access", { part: "users", name: user }), { kind: "link" }));
  return {
    remove: page.writable && remove,
    actions: page.writable && [
      group.enabled ? button("Disable", () => status(false)) : button("Enable", () => status(true)),
      button("Delete…", remove, { symbol: "trash", kind: "danger", title: "Delete (Del)" }),
    ],
    content: panel("Group", facts([
      ["Status", group.enabled ? "enabled" : "disabled"],
      ["Policies", policiesOf(group), group.policies !== null && change("Policies", findPolicies, group.policies, "policies")],
      ["Members", users.length ? h("span", { class: "links" }, users) : "none", change("Members", findUsers, group.members, "members")],
    ])),
  };
}
