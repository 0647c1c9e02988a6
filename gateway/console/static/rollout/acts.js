// What can be asked of a rollout in its phase.

import { api } from "../api.js";
import { button, h } from "../dom.js";
import { refresh } from "../live.js";
import { ask, busy, toast } from "../ui.js";
import { exposed, sideNames } from "./words.js";

const PAUSABLE = ["starting", "verifying", "canary", "baking"];
const PROMOTABLE = ["verifying", "canary"];

/** Buttons for a live rollout, the most helpful one first. */
export function steering(rollout) {
  const { from, to } = sideNames(rollout);
  const { phase } = rollout;
  const held = rollout.heldFor.length > 0 && !rollout.approved;
  const buttons = [];
  const add = (words, options, work) => {
    const node = button(words, { ...options, onclick: () => busy(node, work) });
    buttons.push(node);
  };
  if (phase === "rollback-paused") {
    add(`Stay on ${to}`, { symbol: "check", kind: "primary" }, () => told(api.promote(rollout.id), "It stays."));
    add(`Go back to ${from}…`, { symbol: "back", kind: "danger" }, () => force(rollout));
    return buttons;
  }
  if (phase === "paused" && held) {
    add("Agree and go on", { symbol: "check", kind: "primary" }, () => consent(rollout));
  } else if (phase === "paused" && !lastStep(rollout)) {
    add(resumeWords(rollout), { symbol: "play", kind: "primary" }, () => told(api.steer(rollout.id, "resume"), "It goes on."));
  }
  if (PROMOTABLE.includes(rollout.effective) && !held) {
    const kind = phase === "paused" && !lastStep(rollout) ? "" : "primary";
    add(`Promote ${to}`, { symbol: "forward", kind }, () => promote(rollout));
  }
  if (PAUSABLE.includes(phase)) add("Pause", { symbol: "pause" }, () => told(api.steer(rollout.id, "pause"), "It is paused."));
  if (phase !== "aborting") add("Abort", { symbol: "back", kind: "danger" }, () => abort(rollout));
  return buttons;
}

/** It waits for a hand by plan, in the present step. */
function waits({ phase, effective, steps, step }) {
  return phase === "paused" && effective === "canary" && steps[step]?.seconds === null;
}

/** To go on from there is to promote. */
function lastStep(rollout) {
  return waits(rollout) && rollout.step === rollout.steps.length - 1;
}

function resumeWords(rollout) {
  return waits(rollout) ? `Go on to ${rollout.steps[rollout.step + 1].weight} %` : "Resume";
}

async function told(answer, words) {
  await answer;
  toast(words, "ok");
  await refresh();
}

async function promote(rollout) {
  const { to } = sideNames(rollout);
  const text = `The steps that are left are skipped, and all new sessions get ${to}. The calls are still watched through the bake.`;
  if (await ask({ title: `Switch to ${to} now?`, text, accept: "Promote" })) {
    await told(api.promote(rollout.id), "It is being promoted.");
  }
}

async function consent(rollout) {
  const title = `Go on to ${sideNames(rollout).to}?`;
  const text = "You agree to this difference between the two versions:";
  const extra = [h("ul.findings", rollout.heldFor.map((finding) => h("li", finding)))];
  if (await ask({ title, text, extra, accept: "Agree and go on", wide: true })) {
    await told(api.promote(rollout.id, true), "Agreed; it goes on.");
  }
}

async function abort(rollout) {
  const { from, to } = sideNames(rollout);
  const text = exposed(rollout)
    ? `New calls go to ${from} at once; those that run on ${to} may finish. Pages opened on ${to} are asked to load again.`
    : `Nobody was served by ${to} yet. All calls go on with ${from}, as before.`;
  if (await ask({ title: `Go back to ${from}?`, text, accept: "Abort the rollout", danger: true })) {
    await told(api.abort(rollout.id), `It goes back to ${from}.`);
  }
}

async function force(rollout) {
  const { from, to } = sideNames(rollout);
  const sure = await ask({
    title: "Go back although it harms data?",
    text: `${to} has changed the plugin's data in a way that ${from} cannot read. Going back starts ${from} on that changed data. Nothing here can change it back; restore a backup if you have one.`,
    accept: "Go back all the same",
    danger: true,
    extra: [accepted(`I accept that ${from} may misread its data or lose what was written since.`)],
  });
  if (sure) await told(api.abort(rollout.id, true), `It goes back to ${from}.`);
}

function accepted(words) {
  return h("label.check", h("input", { type: "checkbox", name: "sure", required: true }), words);
}

export async function rollBack(view) {
  const { releases } = await api.releases(view.id);
  const harms = releases.some((one) => one.current && one.oneWay);
  const plain = `It returns to the stable release before ${view.version}, at once and without canary steps. Data that ${view.version} has written is not changed back.`;
  const text = harms ? `${plain}\n\n${view.version} has changed the data in a way that older versions cannot read.` : plain;
  const extra = harms ? [accepted("I accept that the older version may misread its data or lose what was written since.")] : [];
  if (await ask({ title: `Roll back ${view.name}?`, text, accept: "Roll back", danger: true, extra })) {
    await told(api.rollBack(view.id), `${view.name} goes back.`);
  }
}

export function setPinned(view, pinned) {
  const words = pinned ? `${view.name} is pinned to ${view.version}.` : `${view.name} can be moved again.`;
  return told(api.pin(view.id, pinned), words);
}
