// A rollout under way in one line, where the plugin is shown among other things.

import { h } from "../dom.js";
import { phaseBadge } from "./words.js";
import { track } from "./track.js";

/** For the list: a link of few words. */
export function shortLine(rollout) {
  const { plugin, candidate } = rollout;
  return h("a.moving", { href: `/plugins/${plugin}/rollouts`, "aria-label": `Rollout to ${candidate.version}` }, phaseBadge(rollout), h("span.small", `→ ${candidate.version}`));
}

/** For the overview: with its track. */
export function compactPanel(rollout) {
  const { plugin, stable, candidate, reason } = rollout;
  const words = h("div.words", h("h2", `${stable.version} → ${candidate.version}`), phaseBadge(rollout), h("a.button.end", { href: `/plugins/${plugin}/rollouts`, "aria-label": "Show the rollout" }, "Show"));
  return h("section.panel.rollout.compact", { "aria-label": "Rollout under way" }, h("div.body.stack.tight", words, track(rollout), reason && h("p.muted.small", reason)));
}
