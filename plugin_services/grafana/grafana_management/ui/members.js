// The users of this organisation and their roles.

import { act, saveDialog, textInput } from "./common.js";
import { h } from "./kit/dom.js";
import { button, choice, field } from "./kit/parts.js";
import { List } from "./list.js";

const ROLES = { None: "no role", Viewer: "may look", Editor: "may edit", Admin: "administers" };

export const whoIs = (one) => [h("span", { class: "strong" }, one.login), one.name && h("span", { class: "muted" }, ` ${one.name}`), one.disabled && h("span", { class: "badge warn" }, "locked out")];

export function memberList(page, place, params) {
  const list = new List(page, place, {
    path: "/people/members", field: "users", one: "user", hint: "Part of the login, name or address", search: params.search,
    addLabel: "Add user", add: addMember,
    remember: (query) => page.go("people", query, { quiet: true }),
    nothing: () => ["No user matches", "Search for another part of the name."],
    columns: {
      User: whoIs,
      Mail: (one) => one.email || "–",
      Role: (one) => (page.writable ? roleChoice(page, one, () => list.load(true)) : ROLES[one.role] ?? one.role),
      Do: (one) => page.writable && button("Take out…", () => takeOut(page, one, () => list.load(true)), { kind: "link", title: `Take ${one.login} out of the organisation`, about: one.login }),
    },
  });
  return list;
}

function roleChoice(page, one, again) {
  const select = choice(ROLES, one.role, (role) =>
    act(page, { words: `Change the role of “${one.login}” to “${ROLES[role]}”?`, accept: "Change", work: () => page.api.put(`/people/members/${one.id}/role`, {}, { role }), done: "Changed the role." }).then(again));
  select.setAttribute("aria-label", `Role of ${one.login}`);
  return h("span", { class: "connection" }, select);
}

function addMember(page) {
  const login = textInput();
  const role = choice(ROLES, "Viewer");
  return saveDialog(page, {
    title: "Add a user",
    accept: "Add",
    done: "Added the user.",
    body: [field("Login or mail address", login, "Of a user that the server has."), field("Role", role)],
    submit: () => page.api.post("/people/members", {}, { loginOrEmail: login.value.trim(), role: role.value }),
  });
}

function takeOut(page, one, then) {
  return act(page, { words: `Take “${one.login}” out of this organisation? The user stays on the server.`, accept: "Take out", work: () => page.api.remove(`/people/members/${one.id}`), done: `Took ${one.login} out.`, then });
}
