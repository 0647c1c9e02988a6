// Organisations: each has dashboards, data sources and rules of its own.

import { deleteDialog, saveDialog, textInput } from "./common.js";
import { h } from "./kit/dom.js";
import { button, field } from "./kit/parts.js";
import { List } from "./list.js";

export function organisationsView(page, place, params) {
  const again = () => {
    list.load(true);
    page.learnOrganisations();
  };
  const list = new List(page, place, {
    path: "/organisations", field: "organisations", one: "organisation", hint: "Part of the organisation's name", search: params.search,
    addLabel: "New organisation", add: (page) => nameDialog(page, "New organisation", "", (body) => page.api.post("/organisations", {}, body), again),
    remember: (query) => page.go("organisations", query, { quiet: true }),
    note: ({ all }) => !all && h("p", { class: "note muted" }, "This login belongs to one organisation. All of them are seen by a user who administers the server."),
    nothing: () => ["No organisation matches", "Search for another part of the name."],
    columns: {
      Name: (one) => [button(one.name, () => choose(page, one.id), { kind: "link" }), String(one.id) === String(page.route.params.organisation ?? page.current) && h("span", { class: "badge" }, "shown now")],
      Number: (one) => String(one.id),
      Do: (one) => page.writable && h("span", { class: "links" },
        button("Rename…", () => nameDialog(page, `Rename ${one.name}`, one.name, (body) => page.api.put(`/organisations/${one.id}`, {}, body), again), { kind: "link", title: `Rename ${one.name}`, about: one.name }),
        button("Delete…", () => remove(page, one, again), { kind: "link", title: `Delete ${one.name}`, about: one.name })),
    },
  });
  return list;
}

function choose(page, id) {
  page.go("dashboards", { organisation: id });
}

function nameDialog(page, title, value, send, then) {
  const name = textInput(value);
  return saveDialog(page, { title, body: field("Name", name), submit: () => send({ name: name.value.trim() }) }, then);
}

function remove(page, { id, name }, then) {
  return deleteDialog(page, { what: name, name, words: "Its dashboards, data sources, rules and teams go with it; users stay on the server. This cannot be undone.", path: `/organisations/${id}`, then });
}
