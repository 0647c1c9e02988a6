// One alert rule.

import { newSilence } from "./alerts.js";
import { act, badges, deleteDialog, part, titleBar, when } from "./common.js";
import { fill, h } from "./kit/dom.js";
import { plural } from "./kit/format.js";
import { button, facts, into, panel } from "./kit/parts.js";

export function stateBadge({ state, paused, firing }) {
  if (paused) return h("span", { class: "badge warn" }, "paused");
  if (state === "firing") return h("span", { class: "badge bad" }, firing > 1 ? `firing (${firing})` : "firing");
  return state ? h("span", { class: `badge ${state === "inactive" ? "" : "warn"}` }, state === "inactive" ? "not firing" : state) : h("span", { class: "muted" }, "not told");
}

export function alertRuleView(page, place, uid) {
  const back = () => page.go("alerts");
  const path = `/alert-rules/${part(uid)}`;
  const head = h("div");
  const body = h("div");
  let rule;
  const remove = () => deleteDialog(page, { what: rule.title, name: rule.title, words: "Nobody is told of it any more. This cannot be undone.", path, then: back });
  const load = (quiet) =>
    into(body, () => page.api.get(path), { quiet, draw: (found) => {
      rule = found;
      fill(head, titleBar(back, rule.title, page.writable && actions(page, path, rule, () => load(true), remove)));
      return details(rule);
    } });
  fill(place, head, body);
  load(false);
  return {
    key: ({ key }) => {
      if (key === "Escape") return back(), true;
      if (key === "Delete" && rule && page.writable && !rule.provisioned) return remove(), true;
      return key === "r" && (load(true), true);
    },
  };
}

function actions(page, path, rule, again, remove) {
  const pause = () =>
    act(page, {
      words: rule.paused ? "" : `Pause “${rule.title}”? It is not evaluated and cannot fire until it goes on.`,
      accept: "Pause",
      work: () => page.api.put(`${path}/paused`, {}, { paused: !rule.paused }),
      done: rule.paused ? "It goes on." : "Paused.",
      then: again,
    });
  return [
    !rule.provisioned && button(rule.paused ? "Go on" : "Pause…", pause),
    button("Silence…", () => newSilence(page, { alertname: rule.title, ...rule.labels })),
    !rule.provisioned && button("Delete…", remove, { symbol: "trash", kind: "danger", title: "Delete (Del)" }),
  ];
}

function details(rule) {
  const labels = Object.entries(rule.labels).map(([name, value]) => `${name}=${value}`);
  return [
    panel("State", facts([
      ["State", stateBadge(rule)],
      ["Health", rule.health ?? "not told", rule.problem],
      ["Evaluated", when(rule.evaluated)],
      ["Firing", plural(rule.firing, "alert")],
    ])),
    panel("Rule", facts([
      ["Group", rule.group],
      ["Holds for", rule.waits || "at once"],
      ["Without data", rule.noData || "–"],
      ["On an error", rule.onError || "–"],
      ["Labels", badges(labels)],
      rule.provisioned && ["Origin", "from elsewhere, and changed only there"],
      ...Object.entries(rule.annotations).map(([name, text]) => [name, text]),
    ])),
    panel("Queries", h("pre", { class: "code document", tabindex: 0 }, JSON.stringify(rule.queries, null, 2)), h("p", { class: "muted plot-note" }, `It fires by “${rule.condition}”.`)),
  ];
}
