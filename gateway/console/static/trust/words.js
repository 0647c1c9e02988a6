// How a plugin stands: where it comes from, who vouches for it, its grade.

import { h, icon } from "../dom.js";

const RUNS_ELSEWHERE = "remote-endpoint";

/** {tone, symbol, words} of an installed plugin; the tone is "ok", "warn" or "danger". */
export function standing({ tier, source, trust }) {
  if (trust.refusal) return { tone: "danger", symbol: "stop", words: trust.course === "stop" ? "Stopped: trusted no more" : "Trusted no more" };
  if (trust.verified && trust.signer) return { tone: "ok", symbol: "lock", words: `${source === "remote" ? "Page signed" : "Signed"} by ${trust.signer}` };
  if (tier === "built-in") return { tone: "ok", symbol: "check", words: "Shipped with the gateway" };
  return { tone: "warn", symbol: "alert", words: trust.rule === RUNS_ELSEWHERE ? "Not verified: runs elsewhere" : "Unsigned" };
}

export function tierBadge({ tier }) {
  const builtIn = tier === "built-in";
  return h("span.badge", { data: { tier } }, icon(builtIn ? "plug" : "open"), builtIn ? "Built-in" : "External");
}

export function standingBadge(view) {
  const { tone, symbol, words } = standing(view);
  return h("span.badge", { data: { standing: tone } }, icon(symbol), words);
}

/** One letter, with the rest for those who point at it or hear it. */
export function grade(rating, large = false) {
  const words = ratingWords(rating);
  const letter = h(`span.grade${large ? ".large" : ""}`, { data: { grade: rating.grade }, title: words, role: "img", "aria-label": `Rating: ${words}` }, rating.grade);
  return letter;
}

export function ratingWords({ grade, points, final }) {
  const words = `${grade}, ${points} of 100 points`;
  return final ? words : `at most ${words}: nothing of it has been seen running`;
}

/** Every reason with the points that it gave or took. */
export function reasons(rating) {
  const line = ({ points, words, observed }) =>
    h("li.reason", h("span.points", { data: { tone: points < 0 ? "danger" : points ? "ok" : "none" } }, sign(points)), h("span", words, " ", h("span.muted.small", observed ? "seen" : "declared")));
  return h("ul.reasons", rating.reasons.map(line));
}

function sign(points) {
  return points < 0 ? `−${-points}` : `+${points}`;
}
