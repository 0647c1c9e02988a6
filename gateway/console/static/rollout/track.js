// The stages of a rollout as a track.

import { h } from "../dom.js";
import { PHASES, stages, standing } from "./words.js";

const READ_OUT = { done: "done", now: "under way", held: "paused here", failed: "turned back here", next: "to come" };

export function track(rollout) {
  const { done, next } = standing(rollout);
  const items = stages(rollout).map(({ words }, at) => {
    const state = at < done ? "done" : at === done ? next : "next";
    const current = at === done && rollout.live;
    return h("li", { data: { state }, "aria-current": current && "step" }, h("span", words), h("span.visually-hidden", `, ${READ_OUT[state]}`));
  });
  const label = `Progress: ${PHASES[rollout.phase]?.words ?? rollout.phase}`;
  return h("ol.track", { "aria-label": label }, items);
}
