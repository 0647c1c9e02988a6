// Teams, and who is in one.

import { act, deleteDialog, saveDialog, textInput, titleBar } from "./common.js";
import { fill, h } from "./kit/dom.js";
import { plural } from "./kit/format.js";
import { button, choice, field, newest } from "./kit/parts.js";
import { List } from "./list.js";

export function teamList(page, place, params) {
  return new List(page, place, {
    path: "/people/teams", field: "teams", one: "team", hint: "Part of the team's name", search: params.search,
    addLabel: "New team", add: (page) => teamDialog(page, {}, (words) => page.api.post("/people/teams", {}, words)),
    remember: (query) => page.go("people", { ...query, part: "teams" }, { quiet: true }),
    nothing: (search) => (search ? ["No team matches", "Search for another part of the name."] : ["No teams yet", "A team gets permissions for all who are in it."]),
    columns: {
      Name: (one) => button(one.name, () => page.go("people", { team: one.id }), { kind: "link" }),
      Mail: (one) => one.email || "–",
      Members: (one) => plural(one.members, "user"),
    },
  });
}

function teamDialog(page, { name = "", email = "" }, send) {
  const fields = { name: textInput(name), email: textInput(email, { type: "email" }) };
  return saveDialog(page, {
    title: name ? `Change ${name}` : "New team",
    body: [field("Name", fields.name), field("Mail address", fields.email)],
    submit: () => send({ name: fields.name.value.trim(), email: fields.email.value.trim() }),
  });
}

export function teamView(page, place, id) {
  const back = () => page.go("people", { part: "teams" });
  const path = `/people/teams/${id}`;
  const head = h("div");
  const inner = h("div");
  const drawHead = async () => {
    const counts = newest(head);
    try {
      const team = await page.api.get(path);
      if (!counts()) return;
      const change = async () => (await teamDialog(page, team, (words) => page.api.put(path, {}, words))) && drawHead();
      const remove = () => deleteDialog(page, { what: team.name, name: team.name, words: "Its users stay; what only the team may, they no longer may.", path, then: back });
      fill(head, titleBar(back, team.name, page.writable && [button("Change…", change, { symbol: "edit" }), button("Delete…", remove, { symbol: "trash", kind: "danger" })]));
    } catch (error) {
      if (counts()) page.failed(error);
    }
  };
  fill(place, head, inner);
  drawHead();
  const list = new List(page, inner, {
    path: `${path}/members`, field: "members", one: "user", hint: "Who is in it", back,
    addLabel: "Add user", add: (page) => addToTeam(page, path),
    nothing: () => ["Nobody is in it", "Add users of this organisation."],
    columns: {
      User: (one) => [h("span", { class: "strong" }, one.login), one.administrator && h("span", { class: "badge" }, "administers the team")],
      Name: (one) => one.name || "–",
      Mail: (one) => one.email || "–",
      Do: (one) => page.writable && button("Take out…", () => act(page, { words: `Take “${one.login}” out of this team?`, accept: "Take out", work: () => page.api.remove(`${path}/members/${one.id}`), done: `Took ${one.login} out.`, then: () => list.load(true) }), { kind: "link", about: one.login, title: `Take ${one.login} out` }),
    },
  });
  return list;
}

async function addToTeam(page, path) {
  const select = choice({}, "");
  const search = textInput("", { type: "search", "aria-label": "Search users" });
  const find = async () => {
    const counts = newest(select);
    try {
      const { users } = await page.api.get("/people/members", { search: search.value.trim(), limit: 50 });
      if (counts()) fill(select, users.map((one) => h("option", { value: one.id }, `${one.login} ${one.name}`)));
    } catch (error) {
      if (counts()) page.failed(error);
    }
  };
  search.addEventListener("input", find);
  find();
  return saveDialog(page, {
    title: "Add a user",
    accept: "Add",
    done: "Added the user.",
    body: [field("Search", search), field("User", select)],
    submit: () => page.api.post(`${path}/members`, {}, { user: Number(select.value) }),
  });
}
