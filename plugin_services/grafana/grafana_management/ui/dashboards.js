// Dashboards of all folders or of one, and what can be done with folders.

import { badges, deleteDialog, part, saveDialog, textInput, titleBar } from "./common.js";
import { importDialog } from "./import.js";
import { fill, h } from "./kit/dom.js";
import { plural } from "./kit/format.js";
import { button, choice, field, newest } from "./kit/parts.js";
import { List } from "./list.js";
import { versionsView } from "./versions.js";
import { DashboardView } from "./view.js";

export function dashboardsView(page, place, params) {
  if (params.uid && params.part === "versions") return versionsView(page, place, params.uid);
  if (params.uid) return new DashboardView(page, place, params);
  return dashboardList(page, place, params);
}

function dashboardList(page, place, params) {
  const { folder } = params;
  const open = (uid) => page.go("dashboards", { folder: uid });
  const tags = h("span", { class: "connection" });
  const above = h("div");
  const state = { tag: params.tag };
  const head = h("div");
  const list = new List(page, place, {
    path: "/dashboards", field: "dashboards", one: "dashboard", hint: "Part of the dashboard's name", search: params.search, before: head, above,
    addLabel: "Import", add: () => importDialog(page, folder),
    tools: [tags, page.writable && button("New folder", () => newFolder(page, folder, () => list.load()), { title: "New folder here" })],
    query: () => ({ folder, tag: state.tag }),
    remember: (query) => page.go("dashboards", { ...query, folder }, { quiet: true }),
    nothing: (search) => (search || state.tag ? ["No dashboard matches", "Search for another part of the name, or another tag."] : ["No dashboards here", "Import one, or make one in Grafana."]),
    back: folder && (() => open(undefined)),
    loaded: () => drawFolders(page, above, folder, open),
    columns: {
      Name: (one) => button(one.title, () => page.go("dashboards", { uid: one.uid, folder }), { kind: "link" }),
      Folder: (one) => (one.folder ? button(one.folderTitle, () => open(one.folder), { kind: "link" }) : h("span", { class: "muted" }, "–")),
      Tags: (one) => badges(one.tags),
    },
  });
  tagChoice(page, tags, params.tag, (tag) => {
    state.tag = tag;
    list.look();
  });
  if (folder) drawFolder(page, head, folder, open);
  return list;
}

async function tagChoice(page, place, chosen, then) {
  const { tags } = await page.api.get("/dashboards/tags").catch(() => ({ tags: [] }));
  if (!tags.length) return;
  const options = { "": "All tags", ...Object.fromEntries(tags.map(({ name, count }) => [name, `${name} (${count})`])) };
  const select = choice(options, chosen ?? "", (tag) => then(tag || undefined));
  select.setAttribute("aria-label", "Tag");
  fill(place, select);
}

/** Folders directly below this one, as far as they come at once. */
async function drawFolders(page, place, parent, open) {
  const counts = newest(place);
  try {
    const { folders, more } = await page.api.get("/folders", { parent });
    if (!counts()) return;
    const chips = folders.map((one) => button(one.title, () => open(one.uid), { kind: "folder" }));
    fill(place, folders.length > 0 && h("div", { class: "folders", role: "group", "aria-label": "Folders" }, chips, more && h("span", { class: "muted" }, "and more: use the search")));
  } catch (error) {
    if (counts()) page.failed(error);
  }
}

async function drawFolder(page, place, uid, open) {
  const counts = newest(place);
  try {
    const folder = await page.api.get(`/folders/${part(uid)}`);
    if (!counts()) return;
    const again = () => drawFolder(page, place, uid, open);
    const up = () => open(folder.parents.at(-1)?.uid);
    const path = [...folder.parents.map(({ title }) => title), folder.title].join(" / ");
    fill(place, titleBar(up, path, page.writable && folder.mayChange && [
      button("Rename…", () => renameFolder(page, folder, again), { symbol: "edit" }),
      button("Delete…", () => deleteFolder(page, folder, up), { symbol: "trash", kind: "danger" }),
    ]));
  } catch (error) {
    if (counts()) page.failed(error);
  }
}

function newFolder(page, parent, then) {
  const title = textInput();
  const submit = () => page.api.post("/folders", {}, { title: title.value.trim(), parent: parent ?? "" });
  return saveDialog(page, { title: "New folder", accept: "Make the folder", done: "Made the folder.", body: field("Name", title), submit }, then);
}

function renameFolder(page, folder, then) {
  const title = textInput(folder.title);
  const submit = () => page.api.put(`/folders/${part(folder.uid)}`, {}, { title: title.value.trim(), version: folder.version });
  return saveDialog(page, { title: `Rename ${folder.title}`, body: field("Name", title), submit }, then);
}

function deleteFolder(page, folder, then) {
  const { dashboard, folder: inner, alertrule: rules } = folder.counts;
  const within = [dashboard && plural(dashboard, "dashboard"), inner && plural(inner, "folder"), rules && plural(rules, "alert rule")].filter(Boolean);
  const withRules = h("input", { type: "checkbox" });
  return deleteDialog(page, {
    what: folder.title,
    name: folder.title,
    words: within.length ? `It holds ${within.join(", ")}, which go with it. This cannot be undone.` : "What is in it goes with it. This cannot be undone.",
    more: h("label", { class: "check" }, withRules, "Also delete alert rules in it; otherwise it is kept while there are some"),
    path: `/folders/${part(folder.uid)}`,
    query: () => ({ rules: withRules.checked }),
    then,
  });
}
