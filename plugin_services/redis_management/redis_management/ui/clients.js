// Who is connected to Redis.

import { h } from "./kit/dom.js";
import { plural, seconds, size } from "./kit/format.js";
import { button, into, panel } from "./kit/parts.js";

export function clientsView(page, place) {
  const load = (quiet = false) => into(place, async () => table(page, await page.api.get("/clients"), load), { quiet });
  load();
  return { key: (event) => event.key === "r" && (load(true), true) };
}

// Clients may have one name between them.
const whose = ({ name, address }) => (name ? `${name} (${address})` : address);

function table(page, clients, load) {
  const kill = async (client) => {
    const who = whose(client);
    const own = client.own ? " It is this plugin's own; it will connect again." : "";
    if (!(await page.sure(`Close the connection of ${who}? What it is doing is cut off.${own}`, "Close the connection"))) return;
    try {
      await page.api.remove(`/clients/${client.id}`);
      page.done(`Closed the connection of ${who}.`);
    } catch (error) {
      page.failed(error);
    }
    load(true);
  };
  const rows = clients.map((client) =>
    h(
      "tr",
      {},
      h("td", { "data-label": "Client" }, h("strong", {}, client.name || "(no name)"), client.own && h("span", { class: "badge" }, "this plugin"), h("br"), h("span", { class: "muted code" }, client.address)),
      h("td", { "data-label": "User" }, client.user ?? "–"),
      h("td", { "data-label": "db", class: "right" }, client.database ?? "–"),
      h("td", { "data-label": "Connected", class: "right" }, seconds(client.ageSeconds)),
      h("td", { "data-label": "Idle", class: "right" }, seconds(client.idleSeconds)),
      h("td", { "data-label": "Last command", class: "code" }, client.command ?? "–"),
      h("td", { "data-label": "Memory", class: "right" }, size(client.memory)),
      h("td", { class: "right" }, page.writable && button("", () => kill(client), { symbol: "close", kind: "quiet", title: `Close the connection of ${whose(client)}` })),
    ),
  );
  const heads = ["Client", "User", "db", "Connected", "Idle", "Last command", "Memory", ""];
  const right = new Set([2, 3, 4, 6]);
  const head = h("tr", {}, heads.map((name, at) => h("th", { class: right.has(at) ? "right" : "" }, name)));
  return [
    h("div", { class: "bar" }, h("p", { class: "muted grow" }, "Closing a connection cuts its command off; most clients connect again."), button("Load again", () => load(true), { symbol: "refresh" })),
    panel(plural(clients.length, "client"), h("table", { class: "plain stack" }, h("thead", {}, head), h("tbody", {}, rows))),
  ];
}
