// The server at a glance: its nodes and drives, and what lies on them. Refreshed while it is looked at.

import { when } from "./api.js";
import { bar, bars } from "./kit/bars.js";
import { fill, h } from "./kit/dom.js";
import { count, plural, seconds, size } from "./kit/format.js";
import { button, empty, into, panel } from "./kit/parts.js";

const EVERY = 15_000;

export function serverView(page, place) {
  const state = h("div");
  const usage = h("div");
  fill(place, state, usage);
  const load = (quiet) => {
    into(state, async () => overview(await page.api.get("/server"), () => load(true)), { quiet });
    into(usage, async () => usagePanels(page, await page.api.get("/server/usage")), { quiet });
  };
  load(false);
  const timer = setInterval(() => document.hidden || load(true), EVERY);
  return {
    leave: () => clearInterval(timer),
    key: ({ key }) => key === "r" && (load(true), true),
  };
}

function overview(server, again) {
  const used = server.capacity === null || server.free === null ? null : server.capacity - server.free;
  const away = server.disksOffline ?? 0;
  const tiles = [
    ["Server", server.state, plural(server.nodes.length, "node")],
    ["Drives", away ? `${count(server.disksOnline)} of ${count(away + (server.disksOnline ?? 0))}` : count(server.disksOnline), away ? `${count(away)} not in order: data may be at risk` : "all of them in order", away ? "bad" : ""],
    ["Room used", size(used), server.capacity === null ? "" : `of ${size(server.capacity)} (${share(used, server.capacity)}), parity included`],
    ["Objects", count(server.objects), `${size(server.size)}, in ${plural(server.buckets ?? 0, "bucket")}`],
    ["Versions kept", count(server.versions), plural(server.deleteMarkers ?? 0, "delete marker")],
  ];
  return [
    h("div", { class: "bar" }, h("h2", { class: "grow" }, "Server"), button("", again, { symbol: "refresh", title: "Load again (r)" })),
    h("div", { class: "tiles" }, tiles.map(([name, value, note, kind]) => h("div", { class: `tile ${kind ?? ""}` }, h("span", {}, name), h("strong", {}, value), h("small", {}, note)))),
    server.nodes.map(node),
  ];
}

const share = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(0)} %` : "–");

function node({ endpoint, state, version, uptimeSeconds, disks }) {
  const words = [state, version && `version ${version}`, uptimeSeconds !== null && `up for ${seconds(uptimeSeconds)}`].filter(Boolean).join(" · ");
  const rows = disks.map((disk) => drive(disk));
  return panel(
    h("span", {}, h("span", { class: "code" }, endpoint), h("small", { class: "muted node-words" }, words)),
    rows.length ? h("ul", { class: "bars drives", "aria-label": `Drives of ${endpoint}` }, rows) : h("p", { class: "muted" }, "It tells of no drives."),
  );
}

function drive({ endpoint, state, total, used, free, healing }) {
  const fine = state === "ok";
  const most = total ?? 0;
  const full = most > 0 && used / most >= 0.9;
  return h(
    "li",
    {},
    h("span", { class: "name code" }, endpoint),
    h("span", { class: "number" },
      h("span", { class: "muted" }, total === null ? "" : `${size(used)} of ${size(total)}, ${size(free)} free`),
      !fine && h("span", { class: "badge bad" }, state),
      fine && healing && h("span", { class: "badge warn" }, "healing"),
      full && h("span", { class: "badge warn" }, "nearly full")),
    bar(used ?? 0, most, fine ? (full ? "warn" : "") : "bad"),
  );
}

function usagePanels(page, usage) {
  const note = h("p", { class: "muted plot-note" },
    usage.counted ? `As MinIO counted at ${when(usage.counted)}. ` : "MinIO has not counted yet: it looks through its drives about once a minute. ",
    "It keeps no history of this; to see it over time, have its metrics collected by Prometheus.");
  if (!usage.bucketCount) return panel("Usage", empty("Nothing counted yet", "Figures come with MinIO's next look through its drives."), note);
  const rest = usage.bucketCount - usage.buckets.length;
  const shown = usage.buckets.reduce((sum, bucket) => sum + bucket.size, 0);
  const rows = usage.buckets.map((bucket) => ({
    name: button(bucket.name, () => page.go("objects", { bucket: bucket.name }), { kind: "link" }),
    value: bucket.size,
    words: `${size(bucket.size)}, ${plural(bucket.objects, "object")}`,
  }));
  if (rest) rows.push({ name: plural(rest, "other bucket"), value: usage.size - shown, words: size(usage.size - shown) });
  return [
    panel("Usage by bucket", bars("Usage by bucket", rows), note),
    usage.sizes.length > 0 && panel("Objects by size", bars("Objects by size", usage.sizes.map((one) => ({ name: range(one), value: one.objects, words: count(one.objects) })))),
  ];
}

const range = ({ atLeast, below }) => (below === null ? `${size(atLeast)} and more` : atLeast ? `${size(atLeast)} to ${size(below)}` : `below ${size(below)}`);
