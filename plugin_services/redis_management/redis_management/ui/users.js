// ACL users: who may log in to Redis, and what then.

import { act } from "./act.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { count, plural, seconds } from "./kit/format.js";
import { button, choice, empty, field, into, moreButton, panel } from "./kit/parts.js";
import { searchForm, searchInput } from "./kit/search.js";

export function usersView(page, place, params) {
  const search = searchInput("Part of the name", { value: params.search ?? "", label: "User" });
  const list = h("div");
  const log = h("div", { class: "below" });
  const load = (quiet = false) => {
    into(list, async () => table(page, await page.api.get("/acl/users", { search: search.value.trim() }), load, search.value.trim()), { quiet });
    into(log, async () => denials(await page.api.get("/acl/log")), { quiet });
  };
  const save = () => act(page, { words: "Write the users into Redis' ACL file? What the file says otherwise is replaced.", accept: "Write the file", work: () => page.api.post("/acl/save"), done: "Redis has written its users." });
  const form = searchForm(
    search,
    () => load(),
    {},
    page.writable && button("New user", () => edit(page, null, load), { symbol: "plus", kind: "primary", title: "New user (n)" }),
    page.writable && button("Write the file", save, { title: "ACL SAVE: keep the users over a restart" }),
    button("", () => load(true), { symbol: "refresh", title: "Load again (r)" }),
  );
  fill(place, form, list, log);
  load();
  return {
    key: ({ key }) => {
      if (key === "/") return search.focus(), search.select(), true;
      if (key === "n" && page.writable) return edit(page, null, load), true;
      return key === "r" && (load(true), true);
    },
  };
}

function table(page, first, load, search) {
  if (!first.total) return empty("No user matches", "Try another part of the name.");
  const body = h("tbody");
  const foot = h("div", { class: "list-foot" });
  const add = (found) => {
    body.append(...found.users.map((user) => row(page, user, found.own, load)));
    const more = async () => {
      try {
        add(await page.api.get("/acl/users", { search, after: found.after }));
      } catch (error) {
        page.failed(error);
      }
    };
    fill(foot, h("span", { class: "grow muted" }, `${count(body.childElementCount)} of ${plural(found.total, "user")}`), found.after !== null && moreButton(more));
  };
  add(first);
  const head = h("tr", {}, ["User", "Commands", "Keys", "Channels", "Passwords"].map((name) => h("th", {}, name)), h("th", {}, h("span", { class: "unseen" }, "Change")));
  return [panel("Users", h("table", { class: "plain stack" }, h("thead", {}, head), body)), foot];
}

function row(page, user, own, load) {
  const remove = () => act(page, { words: `Delete the user ${user.name}? Its clients are disconnected.`, accept: "Delete", work: () => page.api.remove("/acl/user", { name: user.name }), done: `Deleted ${user.name}.`, then: () => load(true) });
  const passwords = user.passwordNeeded ? (user.passwords ? plural(user.passwords, "password") : "none: nobody can log in") : "none is needed";
  return h(
    "tr",
    {},
    h("td", { "data-label": "User" }, h("strong", { class: "code" }, user.name), !user.enabled && h("span", { class: "badge warn" }, "disabled"), user.name === own && h("span", { class: "badge" }, "this plugin")),
    h("td", { "data-label": "Commands", class: "code" }, user.commands || "–", user.selectors.length > 0 && h("span", { class: "badge" }, plural(user.selectors.length, "selector"))),
    h("td", { "data-label": "Keys", class: "code" }, user.keys || "–"),
    h("td", { "data-label": "Channels", class: "code" }, user.channels || "–"),
    h("td", { "data-label": "Passwords", class: user.passwordNeeded ? "" : "strong" }, passwords),
    h("td", { class: "row-actions" },
      button("", () => tryOut(page, user), { symbol: "search", kind: "quiet", title: `Try what ${user.name} may do` }),
      page.writable && button("", () => edit(page, user, load), { symbol: "edit", kind: "quiet", title: `Change ${user.name}` }),
      page.writable && user.name !== own && user.name !== "default" && button("", remove, { symbol: "trash", kind: "quiet danger", title: `Delete ${user.name}` })),
  );
}

const PASSWORDS = { keep: "stay as they are", add: "a new one, beside those of before", replace: "a new one instead of those of before" };

/** The rules of a user as text, from the beginning, so that what stands there is what holds. */
function rulesOf(user) {
  if (!user) return "on ~app:* &app:* +@all -@dangerous";
  const selectors = user.selectors.map(({ commands, keys, channels }) => `(${[commands, keys, channels].filter(Boolean).join(" ")})`);
  return [user.enabled ? "on" : "off", "resetkeys", user.keys, "resetchannels", user.channels, "clearselectors", ...selectors, user.commands].filter(Boolean).join(" ");
}

/** Words, of which (… …) is one. */
const wordsOf = (text) => text.match(/\([^)]*\)|\S+/g) ?? [];

async function edit(page, user, load) {
  const name = h("input", { class: "input code", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const rules = h("textarea", { class: "input code", rows: 5, spellcheck: "false", value: rulesOf(user) });
  const how = choice(user ? PASSWORDS : { add: "one that is made for me", none: "none yet" }, user ? "keep" : "add");
  const own = h("input", { class: "input code", type: "password", autocomplete: "new-password" });
  const saved = await formDialog(page.root.firstChild, {
    title: user ? `Change ${user.name}` : "New user",
    accept: user ? "Change it" : "Make it",
    wide: true,
    body: [
      !user && field("Name", name),
      field("Rules", rules, "As in ACL SETUSER, applied in their order: on, off, ~keys, %R~keys, &channels, +command, -@category."),
      field("Passwords", how),
      field("New password", own, "Empty: one is made, and shown once."),
    ],
    submit: () => {
      const fresh = how.value === "add" || how.value === "replace";
      const body = { rules: wordsOf(rules.value), keepPasswords: how.value !== "replace", generate: fresh && !own.value, password: fresh && own.value ? own.value : undefined };
      return user ? page.api.put("/acl/user", { name: user.name }, body) : page.api.post("/acl/users", {}, { name: name.value.trim(), ...body });
    },
  });
  if (!saved) return;
  if (saved.password) await showPassword(page, saved.user.name, saved.password);
  else page.done("Saved.");
  load(true);
}

function showPassword(page, name, password) {
  const input = h("input", { class: "input code", value: password, readonly: true });
  const shown = formDialog(page.root.firstChild, {
    title: `Password of ${name}`,
    accept: "I have it",
    cancel: false,
    body: [field("Password", input), h("p", { class: "muted" }, "Copy it now: it is not shown again.")],
    submit: () => true,
  });
  input.select();
  return shown;
}

async function tryOut(page, user) {
  const command = h("input", { class: "input code", placeholder: "GET user:1", autocapitalize: "off", spellcheck: "false" });
  const verdict = await formDialog(page.root.firstChild, {
    title: `What may ${user.name} do?`,
    accept: "Try",
    body: [field("Command", command, "It is judged by Redis, and not run.")],
    submit: () => {
      const words = command.value.trim().split(/\s+/).filter(Boolean);
      if (!words.length) throw new Error("Type a command.");
      return page.api.post("/acl/dry-run", {}, { name: user.name, command: words });
    },
  });
  if (!verdict) return;
  if (verdict.allowed) page.done(`${user.name} may run ${command.value.trim()}.`);
  else page.failed({ message: verdict.message });
}

function denials({ entries }) {
  if (!entries.length) return panel("What was refused", h("p", { class: "muted" }, "Redis has refused nobody anything since it remembers."));
  const rows = entries.map((entry) =>
    h("tr", {},
      h("td", { "data-label": "Ago" }, seconds(entry.secondsAgo)),
      h("td", { "data-label": "User", class: "code" }, entry.user),
      h("td", { "data-label": "Refused", class: "code" }, `${entry.reason} ${entry.what}`),
      h("td", { "data-label": "Client", class: "code" }, entry.client),
      h("td", { "data-label": "Times", class: "right" }, count(entry.count))),
  );
  const head = h("tr", {}, ["Ago", "User", "Refused", "Client", "Times"].map((name) => h("th", {}, name)));
  return panel("What was refused", h("table", { class: "plain stack" }, h("thead", {}, head), h("tbody", {}, rows)));
}
