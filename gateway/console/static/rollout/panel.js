// One rollout: the live one with its figures and buttons, and past ones as lines that open.

import { h, icon } from "../dom.js";
import { ago, moment, span } from "../format.js";
import { callout } from "../ui.js";
import { steering } from "./acts.js";
import { track } from "./track.js";
import { PHASES, STRATEGIES, endOf, entryWords, moveWords, phaseBadge, sideNames } from "./words.js";

/** A panel that follows a live rollout: {node, update(rollout), tick()}. */
export function livePanel() {
  const title = h("h2");
  const badge = h("span");
  const left = h("span.muted.small.left", { role: "timer" });
  const tags = h("span.tag");
  const course = h("div");
  const notice = h("div.notice");
  const figures = h("div");
  const buttons = h("div.actions");
  const events = h("div");
  const body = h("div.body.stack", course, notice, figures, buttons, h("div.stack.tight", h("h3", "Timeline"), events));
  const node = h("section.panel.rollout", { "aria-label": "Rollout under way" }, h("header", title, badge, tags, h("span.end", left)), body);
  let shown = null;
  const parts = [
    [title, (it) => it.id, moveWords],
    [badge, (it) => [it.phase, it.step], phaseBadge],
    [tags, (it) => it.id, (it) => (it.isRollback ? "Rollback" : STRATEGIES[it.strategy].words)],
    [course, (it) => it.timeline.length, track],
    [notice, (it) => [it.phase, it.reason, it.heldFor, it.approved], noticeOf],
    [figures, (it) => [it.stable, it.candidate], sides],
    // Anew only in another phase: whoever has the focus on one keeps it.
    [buttons, (it) => [it.id, it.phase, it.step, it.approved], steering],
    [events, (it) => it.timeline.length, timeline],
  ];

  function update(rollout) {
    shown = rollout;
    for (const [place, key, make] of parts) {
      const now = JSON.stringify(key(rollout));
      if (place.dataset.key === now) continue;
      place.dataset.key = now;
      place.replaceChildren(...[make(rollout)].flat().filter(Boolean));
    }
    tick();
  }

  function tick() {
    const end = shown && endOf(shown);
    left.textContent = end === null ? "" : remaining(shown, end - Date.now());
  }

  return { node, update, tick };
}

function remaining(rollout, milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds <= 0) return "";
  const words = seconds < 100 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return ["starting", "draining", "aborting"].includes(rollout.phase) ? `at most ${words} left` : `${words} left`;
}

function noticeOf(rollout) {
  const { phase, reason, heldFor, approved } = rollout;
  if (phase === "paused" && heldFor.length && !approved) {
    const list = h("ul.findings", heldFor.map((finding) => h("li", finding)));
    return callout("warn", "lock", "Held: it needs someone's consent", h("span", "Compared with the present version:", list));
  }
  if (phase === "rollback-paused") return callout("danger", "alert", "Going back is held, as it would harm data", reason);
  if (phase === "aborting") return callout("warn", "back", "Going back", reason);
  return phase === "paused" ? callout("info", "pause", "Paused", reason) : null;
}

function sides(rollout) {
  const { stable, candidate } = rollout;
  const { from, to } = sideNames(rollout);
  const bar = h("div.share", { role: "img", "aria-label": `New sessions: ${stable.weight} % on ${from}, ${candidate.weight} % on ${to}` });
  for (const [side, kind] of [[stable, "stable"], [candidate, "candidate"]]) {
    const part = h("span", { data: { kind } });
    part.style.flexGrow = side.weight;
    bar.append(part);
  }
  return h("div.stack.tight", bar, h("div.sides", sideOf(stable, "stable", `Old: ${from}`), sideOf(candidate, "candidate", `New: ${to}`)));
}

function sideOf(side, kind, words) {
  const share = side.calls ? ` (${((100 * side.errors) / side.calls).toFixed(side.errors ? 1 : 0)} %)` : "";
  const median = side.calls ? `≤ ${duration(side.medianSeconds)}` : "–";
  const facts = [
    ["New sessions", side.draining ? "none, draining" : `${side.weight} %`],
    ["Calls", side.calls.toLocaleString()],
    ["Errors", `${side.errors.toLocaleString()}${share}`],
    ["Median", median],
  ];
  const list = facts.map(([name, value]) => h("div", h("dt", name), h("dd", { data: { bad: name === "Errors" && side.errors > 0 } }, value)));
  return h("section.side", { data: { kind }, "aria-label": words }, h("h3", h("span.swatch"), words), h("dl", list));
}

function duration(seconds) {
  if (seconds >= 60) return span(new Date(0), seconds * 1000);
  return seconds < 1 ? `${Number((seconds * 1000).toPrecision(2))} ms` : `${Number(seconds.toPrecision(2))} s`;
}

export function timeline(rollout) {
  const entries = rollout.timeline;
  const lines = entries.map((entry, at) => {
    const began = moment(entry.at);
    const next = moment(entries[at + 1]?.at);
    const took = next && duration((next - began) / 1000);
    const said = entry.reason && entry.reason !== entries[at - 1]?.reason && h("span.reason", entry.reason);
    const now = at === entries.length - 1 && rollout.live;
    const time = h("time.muted.small", { datetime: entry.at, title: began.toLocaleString() }, began.toLocaleTimeString());
    return h("li", { data: { phase: entry.phase, now } }, time, h("span.what", icon(PHASES[entry.phase]?.symbol ?? "dash"), entryWords(rollout, entry), took && h("span.muted.small", took)), said);
  });
  return h("ol.timeline", lines);
}

/** A rollout that has ended. */
export function pastLine(rollout) {
  const moved = h("strong", moveWords(rollout));
  const cut = rollout.cut > 0 && h("p.muted.small", `${rollout.cut} calls or streams outlasted the drain and were cut.`);
  const what = rollout.isRollback ? "Rollback" : STRATEGIES[rollout.strategy].words;
  const reason = rollout.phase !== "succeeded" && rollout.reason && h("span.muted.small.reason", rollout.reason);
  const words = [h("span.who", moved, phaseBadge(rollout)), h("span.muted.small", `${what}, `, ago(rollout.updatedAt)), reason];
  const summary = h("summary", h("span.words", words));
  return h("details.past", { data: { rollout: rollout.id } }, summary, h("div.body.stack", track(rollout), timeline(rollout), cut));
}
