// Who may do what: users, groups, policies and access keys, each a list and what one of it is.

import { accessKeyDetails, accessKeyList } from "./access_keys.js";
import { groupDetails, groupList } from "./groups.js";
import { fill, h } from "./kit/dom.js";
import { policyDetails, policyList } from "./policies.js";
import { userDetails, userList } from "./users.js";

const PARTS = {
  users: { label: "Users", list: userList, details: userDetails },
  groups: { label: "Groups", list: groupList, details: groupDetails },
  policies: { label: "Policies", list: policyList, details: policyDetails },
  keys: { label: "Access keys", list: accessKeyList, details: accessKeyDetails },
};

export function accessView(page, place, params) {
  const part = params.part in PARTS ? params.part : "users";
  const choices = Object.entries(PARTS).map(([key, { label }]) =>
    h("button", { type: "button", "aria-pressed": String(key === part), onclick: () => page.go("access", { part: key }) }, label));
  const inner = h("div");
  fill(place, h("div", { class: "bar" }, h("div", { class: "segments parts", role: "group", "aria-label": "What to see" }, choices)), inner);
  const { list, details } = PARTS[part];
  return params.name ? details(page, inner, params.name) : list(page, inner, params);
}
