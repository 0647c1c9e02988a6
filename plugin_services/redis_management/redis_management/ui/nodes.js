// The nodes of a cluster, or what sentinels watch; one of a cluster's can be looked at by itself.

import { h } from "./kit/dom.js";
import { count, plural } from "./kit/format.js";
import { button, panel } from "./kit/parts.js";

export async function nodesPanel(page) {
  const { kind, ok, words, nodes } = await page.api.get("/nodes", { node: undefined });
  const cluster = kind === "cluster";
  const heads = ["Address", "Role", "State", cluster ? "Slots" : "Follows"];
  const rows = nodes.map((node) => {
    const choose = () => page.go("overview", { node: node.address });
    return h(
      "tr",
      {},
      h("td", { "data-label": "Address", class: "code" }, cluster ? button(node.address, choose, { kind: "link", title: "Look at this node" }) : node.address),
      h("td", { "data-label": "Role" }, node.role),
      h("td", { "data-label": "State" }, node.state === "ok" ? "ok" : h("span", { class: "badge warn" }, node.state)),
      h("td", { "data-label": heads[3] }, cluster ? slots(node) : node.follows || "–"),
    );
  });
  const head = h("tr", {}, heads.map((name) => h("th", {}, name)));
  const note = h("p", { class: ok ? "muted" : "refused" }, words);
  const shown = page.route.params.node ?? page.connection.address;
  const about = cluster && h("p", { class: "muted" }, `What else is told of memory, clients and commands is of ${shown}; choose a node to look at that one.`);
  return panel(plural(nodes.length, "node"), note, about, h("table", { class: "plain stack" }, h("thead", {}, head), h("tbody", {}, rows)));
}

const slots = ({ slotCount, slots: ranges, role }) => (role === "primary" ? h("span", {}, count(slotCount), h("small", { class: "muted code" }, ` ${ranges}`)) : "–");

/** In the head of the page: which node is looked at, and the way back to all. */
export function nodeBadge(page) {
  const { node } = page.route.params;
  if (page.connection.kind !== "cluster" || !node) return null;
  const leave = () => page.go(page.route.view, { ...page.route.params, node: undefined });
  return button(`node ${node}`, leave, { symbol: "close", kind: "quiet", title: "Look at the whole cluster again" });
}
