// The workspaces that the service principal is a member of.

import { h } from "./kit/dom.js";
import { button } from "./kit/parts.js";
import { List } from "./list.js";

export function workspacesView(page, place, params) {
  const open = (one, view = "reports") => {
    (page.names ??= new Map()).set(one.id, one.name);
    page.go(view, { workspace: one.id });
  };
  return new List(page, place, params, {
    view: "workspaces", path: "/workspaces", field: "workspaces", one: "workspace", many: "workspaces",
    nothing: (search) => (search ? ["No workspace matches", "Search for another part of the name."] : ["No workspaces", "Make the service principal a member of those that are to be seen here."]),
    columns: {
      Name: (one) => [button(one.name, () => open(one), { kind: "link" }), one.readOnly && h("span", { class: "badge" }, "read only")],
      Capacity: (one) => (one.capacity ? "of its own" : h("span", { class: "muted" }, "shared")),
      Open: (one) => h("span", { class: "links" }, ["reports", "dashboards", "datasets"].map((view) => button(view, () => open(one, view), { kind: "link", title: `${view} of ${one.name}`, about: one.name }))),
    },
  });
}
