// The server at a glance, refreshed while it is looked at.

import { fill, h } from "./kit/dom.js";
import { count, plural, seconds, size } from "./kit/format.js";
import { nodesPanel } from "./nodes.js";
import { button, facts, failure, into, loading, panel } from "./kit/parts.js";

const EVERY = 3000;

export function overviewView(page, place) {
  const top = h("div", {}, loading());
  const more = h("div", {});
  const memory = h("div", {});
  const nodes = h("div", {});
  const info = h("details", { class: "panel info" }, h("summary", {}, "Everything that INFO says"), h("div", { class: "body" }));
  fill(place, top, nodes, memory, more, info);
  let timer = 0;
  let left = false;

  async function load() {
    clearTimeout(timer);
    try {
      const server = await page.api.get("/server");
      if (left) return;
      fill(top, summary(server));
      fill(more, databases(page, server));
    } catch (error) {
      if (left) return;
      fill(top, failure(error, load), testButton(page));
      fill(more);
    }
    // It goes on by itself, also once a Redis that was away is back.
    timer = setTimeout(load, EVERY);
  }

  function loadMemory() {
    into(memory, async () => memoryPanel(await page.api.get("/memory")));
  }

  info.addEventListener("toggle", () => {
    if (info.open) into(info.lastChild, async () => infoTables(await page.api.get("/server/info", { section: "everything" })));
  });
  function loadNodes() {
    if (page.connection.kind !== "server") into(nodes, () => nodesPanel(page));
  }

  load();
  loadMemory();
  loadNodes();
  return {
    leave: () => {
      left = true;
      clearTimeout(timer);
    },
    key: (event) => event.key === "r" && (load(), loadMemory(), loadNodes(), true),
  };
}

function summary(server) {
  const asked = (server.hits ?? 0) + (server.misses ?? 0);
  const keys = server.databases.reduce((sum, database) => sum + database.keys, 0);
  const tiles = [
    ["Keys", count(keys), plural(server.databases.length, "database")],
    ["Memory", size(server.usedMemory), server.memoryLimit ? `of ${size(server.memoryLimit)}` : "no limit"],
    ["Commands", `${count(server.operationsPerSecond)}/s`, `${count(server.commandsProcessed)} in all`],
    ["Hits", asked ? `${((100 * server.hits) / asked).toFixed(1)} %` : "–", `${count(server.misses)} misses`],
    ["Clients", count(server.clients), plural(server.blockedClients ?? 0, "blocked", "blocked")],
    ["Up", seconds(server.uptimeSeconds), `Redis ${server.version ?? "?"}`],
  ];
  return [
    h(
      "div",
      { class: "tiles" },
      tiles.map(([name, value, note]) => h("div", { class: "tile" }, h("span", {}, name), h("strong", {}, value), h("small", {}, note))),
    ),
    panel(
      "Server",
      facts([
        ["Mode", server.mode ?? "–"],
        ["Role", server.role === "slave" ? "replica" : server.role === "master" ? "primary" : server.role ?? "–", plural(server.replicas ?? 0, "replica")],
        ["Evicted, expired", `${count(server.evicted)}, ${count(server.expired)}`],
        ["Last save", server.lastSaveOk === null ? "–" : server.lastSaveOk ? "succeeded" : "failed", `${plural(server.unsavedChanges ?? 0, "change")} since`],
        ["Append-only file", server.appendOnly === null ? "–" : server.appendOnly ? "on" : "off"],
        ["Databases", count(server.databaseCount)],
      ]),
    ),
  ];
}

function databases(page, server) {
  if (!server.databases.length) return panel("Databases", h("p", { class: "muted" }, "No database holds a key yet."));
  const rows = server.databases.map((database) =>
    h(
      "tr",
      {},
      h("td", {}, button(`db ${database.number}`, () => open(page, database.number), { kind: "link" })),
      h("td", { class: "right" }, count(database.keys)),
      h("td", { class: "right" }, count(database.expiring)),
      h("td", { class: "right" }, database.averageTtlMs ? seconds(database.averageTtlMs / 1000) : "–"),
    ),
  );
  const heads = ["Database", "Keys", "With expiry", "Average time to live"];
  return panel(
    "Databases",
    h(
      "table",
      { class: "plain" },
      h("thead", {}, h("tr", {}, heads.map((head, at) => h("th", { class: at ? "right" : "" }, head)))),
      h("tbody", {}, rows),
    ),
  );
}

function open(page, number) {
  page.route.params.database = number === page.connection.database ? undefined : String(number);
  page.go("keys", { database: page.route.params.database });
}

function memoryPanel(memory) {
  return panel(
    "Memory",
    facts([
      ["Used", size(memory.used), `at most so far ${size(memory.peak)}`],
      ["Data", size(memory.dataset), `and ${size(memory.overhead)} to keep it`],
      ["Resident", size(memory.resident), memory.fragmentation ? `${memory.fragmentation} × used` : ""],
      ["Limit", memory.limit ? size(memory.limit) : "none", memory.policy ?? ""],
      ["Allocator", memory.allocator ?? "–"],
    ]),
    memory.advice && h("p", { class: "muted advice" }, memory.advice.trim()),
  );
}

function infoTables(sections) {
  return Object.entries(sections).map(([name, values]) => [
    h("h3", {}, name),
    h("table", { class: "plain code" }, h("tbody", {}, Object.entries(values).map(([key, value]) => h("tr", {}, h("td", {}, key), h("td", {}, value))))),
  ]);
}

function testButton(page) {
  const said = h("p", { role: "status" });
  const test = async () => {
    said.textContent = "Connecting…";
    try {
      const result = await page.api.post("/connection/test");
      said.textContent = result.hint ? `${result.message} ${result.hint}` : result.message;
    } catch (error) {
      said.textContent = error.message;
    }
  };
  return h("div", { class: "actions" }, button("Test the connection", test), said);
}
