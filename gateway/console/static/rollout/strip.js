// A rollout under way in one line, where the plugin is shown among other things.

import { h } from "../dom.js";
import { moveWords, phaseBadge, sideNames } from "./words.js";
import { track } from "./track.js";

/** For the list: a link of few words. */
export function shortLine(rollout) {
  const { plugin } = rollout;
  const { to } = sideNames(rollout);
  return h("a.moving", { href: `/plugins/${plugin}/rollouts`, "aria-label": `Rollout to ${to}` }, phaseBadge(rollout), h("span.small", `→ ${to}`));
}

/** For the overview: with its track. */
export function compactPanel(rollout) {
  const { plugin, reason } = rollout;
  const words = h("div.words", h("h2", moveWords(rollout)), phaseBadge(rollout), h("a.button.end", { href: `/plugins/${plugin}/rollouts`, "aria-label": "Show the rollout" }, "Show"));
  return h("section.panel.rollout.compact", { "aria-label": "Rollout under way" }, h("div.body.stack.tight", words, track(rollout), reason && h("p.muted.small", reason)));
}
