// One plugin: how it is and why, what it is, what happened.

import { remedy, restart } from "../actions.js";
import { button, h, icon } from "../dom.js";
import { STATES, VOICES, ago } from "../format.js";
import { compactPanel } from "../rollout/strip.js";
import { PHASES } from "../rollout/words.js";
import { store } from "../store.js";
import { grade, standing, tierBadge } from "../trust/words.js";
import { callout, stateBadge } from "../ui.js";
import { pluginPage } from "./head.js";

export function create({ id }) {
  return pluginPage({ id, tab: "overview", body });
}

function body() {
  const health = h("div");
  const moving = h("div");
  const facts = h("dl.facts");
  const instances = h("div");
  const happened = h("ul");
  const node = h(
    "div.page.stack",
    health,
    moving,
    h("section.panel", { "aria-label": "Facts" }, h("div.body", facts)),
    h("section.panel", h("header", h("h2", "Instances")), instances),
    h("section.panel", h("header", h("h2", "What happened")), h("div.body", happened)),
  );
  let shown = "";

  function update(view) {
    showRollout(store.rollouts.get(view.id));
    const now = JSON.stringify([view, store.events.length]);
    if (now === shown) return;
    shown = now;
    const explanation = explain(view);
    health.hidden = !explanation;
    if (explanation && health.dataset.key !== explanation.key) {
      health.dataset.key = explanation.key;
      health.replaceChildren(explanation.node());
    } else if (!explanation) {
      delete health.dataset.key;
    }
    facts.replaceChildren(...factsOf(view).map(([name, value]) => h("div", h("dt", name), h("dd", value))));
    instances.replaceChildren(instanceTable(view));
    happened.replaceChildren(...eventLines(view));
  }

  function showRollout(rollout) {
    moving.hidden = !rollout;
    const key = rollout ? `${rollout.id} ${rollout.timeline.length}` : "";
    if (moving.dataset.key === key) return;
    moving.dataset.key = key;
    moving.replaceChildren(...(rollout ? [compactPanel(rollout)] : []));
  }

  return { node, update };
}

/** What stands on top of the page for a plugin that is not healthy: {key, node()}, or null. */
export function explain(view) {
  const retry = view.retryAt && h("span", "The next start is ", ago(view.retryAt, "in"), ".");
  const said = [view.reason, view.progress].filter(Boolean).join(" ");
  const logs = h("a.button", { href: `/plugins/${view.id}/logs` }, icon("logs"), "Read the logs");
  const again = button("Restart now", { symbol: "turn", onclick: () => restart(view) });
  const cases = {
    disabled: () => callout("info", "off", "Disabled", "Nothing of it runs; its calls are answered with 503. Settings and data are kept.", [remedy(view)]),
    quarantined: () => callout("danger", "stop", "Quarantined: it is not started any more", said, [remedy(view), logs]),
    unhealthy: () => callout("warn", "alert", "Not healthy", h("span", told(view, said), retry && " ", retry), [again, logs]),
    starting: () => callout("info", "turn", "Starting", h("span", said || "It is being started.", retry && " ", retry), view.restarts ? [logs] : []),
    updating: () => callout("info", "turn", "Updating", said),
  };
  if (view.state === "healthy" && view.settingsRequired) {
    const go = h("a.button.primary", { href: `/plugins/${view.id}/settings` }, icon("gear"), "Open the settings");
    return { key: "settings", node: () => callout("info", "gear", "It needs settings", "It runs, but works only once its settings are given.", [go]) };
  }
  const make = cases[view.state];
  return make && { key: JSON.stringify([view.state, said, view.retryAt, view.enabled]), node: make };
}

function told(view, said) {
  const voice = VOICES[view.voice];
  return voice ? `${said} (told by: ${voice})` : said;
}

function factsOf(view) {
  const kinds = { "built-in": "built-in, shipped with the gateway", remote: "remote, run by something else" };
  const trust = h("a", { href: `/plugins/${view.id}/trust` }, standing(view).words);
  return [
    ["State", h("span", STATES[view.state]?.words ?? view.state, " for ", ago(view.since, ""))],
    ["Version", view.version],
    ...(view.versionFloor ? [["Version floor", `nothing below ${view.versionFloor} is let in`]] : []),
    ["Restarts", String(view.restarts)],
    ...(view.personal?.length ? [["Copies", `the calls of ${view.personal.join(", ")} go to an author’s machine`]] : []),
    ...(view.recorded ? [["Recorded", `the calls of ${view.recorded === "*" ? "everybody" : view.recorded} are being written down`]] : []),
    ["Trust", h("span.badges", trust, grade(view.rating))],
    ["Tier", tierBadge(view)],
    ["Source", kinds[view.source] ?? view.source],
    ...(view.upstream ? [["Where it came from", `${view.upstream.words} (${ago(view.upstream.checkedAt)})`]] : []),
    ["Identity", h("code", view.id)],
    ["Release", h("code", view.releaseId)],
    ["Installed", ago(view.installedAt)],
    ["Changed", ago(view.updatedAt)],
    ["API", h("code", `/plugins/${view.id}/api/`)],
  ];
}

function instanceTable(view) {
  if (!view.instances.length) return h("div.body.muted", view.enabled ? "None at the moment." : "None, as the plugin is disabled.");
  const names = ["Instance", "State", "Runtime", "Started", "Says"];
  const rows = view.instances.map((one) =>
    h(
      "tr",
      h("td", h("code", one.id)),
      h("td", stateBadge(one.healthy ? "healthy" : one.state === "starting" ? "starting" : "unhealthy")),
      h("td", `${one.runtime}, ${one.ownership}`),
      h("td", ago(one.startedAt)),
      h("td.muted", one.circuit?.words || one.reason || "–"),
    ),
  );
  return h("div.scroll", h("table.plain", h("thead", h("tr", names.map((name) => h("th", { scope: "col" }, name)))), h("tbody", rows)));
}

const CIRCUITS = { open: "gets no calls for now", held: "goes on serving", closed: "gets calls again" };

const WORDS = {
  "plugin.state": ({ state, reason }) => [STATES[state]?.words ?? state, reason].filter(Boolean).join(": "),
  "plugin.progress": ({ text }) => text,
  "plugin.install": ({ text }) => text[0].toUpperCase() + text.slice(1),
  "plugin.installed": () => "Installed",
  "plugin.removed": () => "Removed",
  "plugin.trust": ({ course, text }) => (course === "run" ? text : `Trusted no more: ${text}`),
  "plugin.source": ({ text }) => text,
  "plugin.settings": () => "Settings changed",
  "rollout.phase": ({ phase, reason }) => [`Rollout: ${PHASES[phase]?.words ?? phase}`, reason].filter(Boolean).join(". "),
  "plugin.limits": () => "Limits changed",
  "plugin.copy": ({ user, held }) => (held ? `Calls of ${user} go to a copy of their own` : `Calls of ${user} go where everybody’s go`),
  "instance.circuit": ({ instance, state, reason }) => `${instance} ${CIRCUITS[state] ?? state}. ${reason}`,
  "instance.exited": ({ reason }) => `Instance ended: ${reason}`,
};

function eventLines(view) {
  const mine = store.events.filter((event) => event.plugin === view.id).slice(0, 12);
  if (!mine.length) return [h("li.muted", "Nothing since this page was opened.")];
  return mine.map((event) => {
    const words = WORDS[event.type]?.(event.data) ?? event.type;
    return h("li.happening", h("span.muted.small", ago(event.at)), h("span", words));
  });
}
