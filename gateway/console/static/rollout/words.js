// Phases of a rollout in words, and where a rollout stands among them.

import { h, icon } from "../dom.js";

export const PHASES = {
  pending: { symbol: "dash", words: "Waiting to start" },
  starting: { symbol: "turn", words: "Starting" },
  verifying: { symbol: "turn", words: "Verifying" },
  canary: { symbol: "turn", words: "Canary" },
  paused: { symbol: "pause", words: "Paused" },
  promoting: { symbol: "turn", words: "Switching" },
  baking: { symbol: "turn", words: "Baking" },
  draining: { symbol: "turn", words: "Draining" },
  succeeded: { symbol: "check", words: "Succeeded" },
  aborting: { symbol: "back", words: "Going back" },
  "rolled-back": { symbol: "back", words: "Rolled back" },
  "rollback-paused": { symbol: "alert", words: "Going back is held" },
  superseded: { symbol: "dash", words: "Superseded" },
};

export const STRATEGIES = {
  direct: { words: "Direct", about: "Switches all calls at once when the new version is verified." },
  "blue-green": { words: "Blue-green", about: "Both run, testers reach the new one first; then all calls switch at once." },
  canary: { words: "Canary", about: "New sessions move in steps; errors or slowness against the old version turn back." },
};

export function phaseBadge({ phase, step, steps }) {
  const { symbol } = PHASES[phase] ?? { symbol: "dash" };
  return h("span.state.phase", { data: { phase } }, icon(symbol), entryWords({ steps }, { phase, step }));
}

/** What both sides are called. A settings move has the same release on both. */
export function sideNames({ changesSettings, stable, candidate }) {
  if (changesSettings) return { from: "the old settings", to: "the new settings" };
  return { from: stable.version, to: candidate.version };
}

/** What it moves, as a title. */
export function moveWords({ changesSettings, stable, candidate }) {
  return changesSettings ? `New settings of ${candidate.version}` : `${stable.version} → ${candidate.version}`;
}

/** "Canary, 10 %": the phase of a timeline entry, with its share where it has one. */
export function entryWords(rollout, { phase, step }) {
  const shared = phase === "canary" || (phase === "paused" && step > 0);
  const weight = shared ? rollout.steps[step]?.weight : undefined;
  return (PHASES[phase]?.words ?? phase) + (weight === undefined ? "" : `, ${weight} %`);
}

/** What a rollout goes through, in order: {key, words}. */
export function stages(rollout) {
  const steps = rollout.steps.map(({ weight }, at) => ({ key: `canary ${at}`, words: weight ? `${weight} %` : "Testers" }));
  const fixed = (key, words) => ({ key, words });
  return [
    fixed("starting", "Start"),
    fixed("verifying", "Verify"),
    ...steps,
    fixed("promoting", "Switch"),
    fixed("baking", "Bake"),
    fixed("draining", "Drain"),
  ];
}

/** How many stages are done, and whether the next one is "now", "held" or "failed". */
export function standing(rollout) {
  const keys = stages(rollout).map(({ key }) => key);
  if (rollout.phase === "succeeded") return { done: keys.length, next: "now" };
  const place = (phase, step) => keys.indexOf(phase === "canary" ? `canary ${step}` : phase);
  // The way back stands where the last ordinary phase was.
  const last = rollout.timeline.map(({ phase, step }) => place(phase, step)).findLast((found) => found >= 0);
  const now = place(rollout.effective, rollout.step);
  const done = Math.max(0, now >= 0 ? now : (last ?? 0));
  if (["aborting", "rolled-back", "rollback-paused", "superseded"].includes(rollout.phase)) return { done, next: "failed" };
  return { done, next: rollout.phase === "paused" ? "held" : "now" };
}

/** Whether the candidate is in use by ordinary users, or was. */
export function exposed(rollout) {
  return rollout.timeline.some(({ phase }) => ["canary", "promoting", "baking", "draining"].includes(phase));
}

/** Until when the present phase lasts, in milliseconds of this page's clock; null where nothing ends it. */
export function endOf(rollout) {
  return rollout.secondsLeft === null ? null : rollout.seenAt + rollout.secondsLeft * 1000;
}
