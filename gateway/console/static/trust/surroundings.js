// What surrounds each instance, and where its connections go: as it was found, not as it was asked for.

import { h, icon } from "../dom.js";
import { ago } from "../format.js";

const LEVELS = {
  none: ["warn", "None: it may do what the gateway's user may."],
  docker: ["ok", "A container."],
  runsc: ["ok", "A container with a kernel of its own (gVisor)."],
};

export function surroundings(view) {
  if (!view.instances.length) return [h("p.muted", "Nothing of it runs, so nothing was seen.")];
  return view.instances.map((one) => h("section.surroundings", { data: { instance: one.id } }, h("p", h("code", one.id)), sandbox(one), network(one)));
}

function sandbox({ sandbox: found }) {
  if (!found) return line("alert", "warn", "Sandbox unknown: it runs elsewhere, and nobody here can see what surrounds it.");
  const [tone, words] = LEVELS[found.level] ?? ["warn", ""];
  const whole = found.level !== "none" && !found.lacks.length;
  return h(
    "div.stack.tight",
    line(whole ? "lock" : "alert", found.lacks.length ? "warn" : tone, h("span", h("strong", `Sandbox: ${found.level}. `), words)),
    found.lacks.length > 0 && line("close", "danger", `It lacks: ${found.lacks.join(", ")}.`),
    found.holds.length > 0 && h("p.small.muted", `Found applied: ${found.holds.join(", ")}.`),
  );
}

function network({ sandbox: found, relay }) {
  if (!found) return null;
  if (found.network !== "none") return line("alert", "warn", `Network: ${found.network}. Nothing holds what it connects to.`);
  if (!relay) return line("lock", "ok", "No network at all, and no way out.");
  const counts = `${relay.connections} connections, ${relay.open} open now, ${bytes(relay.sent)} sent, ${bytes(relay.received)} received.`;
  return h(
    "div.stack.tight",
    line("lock", "ok", "No network of its own; connections go through the gateway's relay, and only to:"),
    relay.granted.length ? h("ul.granted", relay.granted.map((address) => h("li", h("code", address)))) : h("p.muted", "nothing at the moment."),
    relay.unmet.map((words) => line("alert", "warn", words)),
    relay.problem && line("alert", "danger", relay.problem),
    h("p.small.muted", counts),
    relay.refusals > 0 && line("stop", "danger", h("span", `${relay.refusals} not made, the last `, ago(relay.refusedAt), `: ${relay.lastRefusal}`)),
  );
}

function line(symbol, tone, words) {
  return h("p.told", { data: { tone } }, icon(symbol), h("span", words));
}

function bytes(count) {
  if (count < 1024) return `${count} B`;
  return count < 2 ** 20 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 2 ** 20).toFixed(1)} MiB`;
}
