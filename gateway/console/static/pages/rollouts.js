// A plugin's rollouts: the one under way, starting one, pins, and those of the past.

import { api } from "../api.js";
import { button, h, icon } from "../dom.js";
import { rollBack, setPinned } from "../rollout/acts.js";
import { startForm } from "../rollout/form.js";
import { livePanel, pastLine } from "../rollout/panel.js";
import { store } from "../store.js";
import { bones, busy, callout, complain, empty } from "../ui.js";
import { pluginPage } from "./head.js";

export function create({ id }) {
  return pluginPage({ id, tab: "rollouts", body });
}

function body(first) {
  const id = first.id;
  const standing = h("section.panel", { "aria-label": "Version in use" });
  const live = livePanel();
  const start = h("section.panel", h("header", h("h2", "Move to another version")), h("div.body", bones(3, "Loading the versions")));
  const past = h("div", h("div.body", bones(3, "Loading the rollouts")));
  const history = h("section.panel", h("header", h("h2", "Past rollouts")), past);
  const node = h("div.page.stack", standing, live.node, start, history);
  let view = first;
  let ended = null; // past rollouts, newest first
  let known = ""; // what the list was loaded for
  let offered = ""; // what the form was made for

  async function loadPast() {
    const asked = known;
    try {
      const found = await api.rollouts(id);
      // Another list was asked for meanwhile.
      if (asked !== known) return;
      ended = found.filter((one) => !one.live);
      showPast();
      showStanding();
    } catch (error) {
      if (asked !== known) return;
      known = "";
      const again = button("Try again", { symbol: "turn", onclick: loadPast });
      past.replaceChildren(empty("alert", "The rollouts could not be loaded", error.message, [again]));
    }
  }

  function showPast() {
    const open = new Set([...past.querySelectorAll("details[open]")].map((one) => one.dataset.rollout));
    const lines = ended.map(pastLine);
    for (const line of lines) line.open = open.has(line.dataset.rollout);
    past.replaceChildren(...(lines.length ? lines : [h("div.body.muted", "None yet.")]));
  }

  async function offer() {
    const place = start.lastChild;
    const asked = offered;
    if (view.source === "remote") return place.replaceChildren(h("p.muted", "It is run elsewhere, so its version changes there."));
    try {
      const [there, { releases }, defaults] = await Promise.all([own(id), api.releases(id), api.rolloutDefaults(id)]);
      if (asked !== offered) return;
      const versions = [...new Set([...there, ...releases.map(({ version }) => version)])];
      place.replaceChildren(startForm(view, versions, defaults, () => node.scrollIntoView({ block: "start" })));
    } catch (error) {
      if (asked !== offered) return;
      offered = "";
      const again = button("Try again", { symbol: "turn", onclick: () => update(view) });
      place.replaceChildren(empty("alert", "The versions could not be loaded", error.message, [again]));
    }
  }

  function showStanding() {
    const way = ended?.some((one) => one.phase === "succeeded" && one.candidate.releaseId === view.releaseId);
    const key = JSON.stringify([view.version, view.releaseId, view.pinned, store.rollouts.has(id), way]);
    if (standing.dataset.key === key) return;
    const focused = standing.contains(document.activeElement) && document.activeElement.dataset.act;
    standing.dataset.key = key;
    const pin = button(view.pinned ? "Unpin" : "Pin", { symbol: "lock", data: { act: "pin" }, onclick: () => busy(pin, () => setPinned(view, !view.pinned)) });
    const back = button("Roll back", { symbol: "back", data: { act: "back" }, onclick: () => busy(back, () => rollBack(view)) });
    const pinned = view.pinned && h("span.tag", icon("lock"), "pinned");
    const words = h("div.words", h("span.muted", "In use"), h("strong", view.version), pinned, h("code.muted.id", view.releaseId));
    const moving = store.rollouts.has(id);
    const acts = [way && !view.pinned && !moving && back, (view.pinned || !moving) && pin];
    standing.replaceChildren(h("div.body.standing", words, h("div.actions", acts)));
    if (focused) standing.querySelector(`[data-act=${focused}]`)?.focus();
  }

  function update(next) {
    view = next;
    const rollout = store.rollouts.get(id);
    live.node.hidden = !rollout;
    if (rollout) live.update(rollout);
    showStanding();
    const now = JSON.stringify([rollout?.id, view.releaseId]);
    if (now !== known) {
      known = now;
      loadPast().catch(complain);
    }
    showStart(rollout);
  }

  /** The form is made anew only for another release: what was typed stays otherwise. */
  function showStart(rollout) {
    start.hidden = Boolean(rollout);
    const key = JSON.stringify([view.releaseId, view.pinned, view.enabled]);
    if (key === offered || rollout) return;
    offered = key;
    const place = start.lastChild;
    if (view.pinned) return place.replaceChildren(callout("info", "lock", `Pinned to ${view.version}`, "It refuses to be moved until it is unpinned."));
    if (!view.enabled) return place.replaceChildren(callout("info", "off", "Disabled", "Enable it first; a rollout needs the present version to serve."));
    offer();
  }

  const timer = setInterval(live.tick, 500);
  return { node, update, leave: () => clearInterval(timer) };
}

/** The versions that lie beside the gateway; those of a catalogue are moved to from its page. */
async function own(id) {
  const { plugins } = await api.catalog({ q: id, catalogue: "", limit: 1000 });
  return plugins.filter((entry) => entry.id === id).flatMap((entry) => entry.versions);
}
