// The users of the whole server, for its administrator.

import { act, deleteDialog, saveDialog, textInput, when } from "./common.js";
import { h } from "./kit/dom.js";
import { button, field } from "./kit/parts.js";
import { List } from "./list.js";
import { whoIs } from "./members.js";

export function userList(page, place, params) {
  const again = () => list.load(true);
  const list = new List(page, place, {
    path: "/people/users", field: "users", one: "user", hint: "Part of the login, name or address", search: params.search,
    addLabel: "New user", add: newUser,
    remember: (query) => page.go("people", { ...query, part: "users" }, { quiet: true }),
    nothing: () => ["No user matches", "Search for another part of the name."],
    columns: {
      User: (one) => [whoIs(one), one.administrator && h("span", { class: "badge" }, "administers the server"), one.origins.map((origin) => h("span", { class: "badge" }, origin))],
      Mail: (one) => one.email || "–",
      Seen: (one) => h("span", { class: "muted" }, when(one.seen)),
      Do: (one) => page.writable && h("span", { class: "links" }, actions(page, one, again)),
    },
  });
  return list;
}

function actions(page, one, again) {
  const { id, login, disabled, administrator } = one;
  const status = (words, accept, body, done) => act(page, { words, accept, work: () => page.api.put(`/people/users/${id}/status`, {}, body), done, then: again });
  return [
    disabled
      ? button("Let in", () => status("", "", { disabled: false }, `Let ${login} in.`), { kind: "link", title: `Let ${login} in`, about: login })
      : button("Lock out…", () => status(`Lock “${login}” out? Sessions end at once.`, "Lock out", { disabled: true }, `Locked ${login} out.`), { kind: "link", title: `Lock ${login} out`, about: login }),
    administrator
      ? button("No administrator…", () => status(`Take the server's administration from “${login}”?`, "Take it", { administrator: false }, "Changed."), { kind: "link", title: `Take the administration from ${login}`, about: login })
      : button("Make administrator…", () => status(`Let “${login}” administer the whole server?`, "Let them", { administrator: true }, "Changed."), { kind: "link", title: `Let ${login} administer the server`, about: login }),
    button("Password…", () => newPassword(page, one), { kind: "link", title: `New password of ${login}`, about: login }),
    button("Delete…", () => deleteDialog(page, { what: login, name: login, words: "The user goes from all organisations and teams. This cannot be undone.", path: `/people/users/${id}`, then: again }), { kind: "link", title: `Delete ${login}`, about: login }),
  ];
}

const password = () => h("input", { class: "input", type: "password", autocomplete: "new-password" });

function newUser(page) {
  const fields = { login: textInput(), name: textInput(), email: textInput("", { type: "email" }), password: password() };
  return saveDialog(page, {
    title: "New user",
    accept: "Make the user",
    done: "Made the user.",
    body: [field("Login", fields.login), field("Name", fields.name), field("Mail address", fields.email), field("Password", fields.password)],
    submit: () => page.api.post("/people/users", {}, Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, name === "password" ? value : value.trim()]))),
  });
}

function newPassword(page, { id, login }) {
  const typed = password();
  return saveDialog(page, {
    title: `New password of ${login}`,
    accept: "Set it",
    danger: true,
    done: "Set the password.",
    body: field("Password", typed),
    submit: () => page.api.put(`/people/users/${id}/password`, {}, { password: typed.value }),
  });
}
