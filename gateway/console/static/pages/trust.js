// One plugin: how far it can be trusted, and what is known of that.

import { api } from "../api.js";
import { button, h } from "../dom.js";
import { releaseLock } from "../trust/lock.js";
import { surroundings } from "../trust/surroundings.js";
import { grade, ratingWords, reasons, standing, standingBadge, tierBadge } from "../trust/words.js";
import { bones, busy, callout } from "../ui.js";
import { pluginPage } from "./head.js";

const RESULTS = { true: ["Holds", "ok"], false: ["Failed", "danger"], null: ["Nobody vouches", "none"] };

export function create({ id }) {
  return pluginPage({ id, tab: "trust", body: () => body(id) });
}

function body(id) {
  const doubt = h("div", { hidden: true });
  const who = h("div.body.stack.tight");
  const rating = h("div.body.rating");
  const around = h("div.body.stack");
  const lock = h("div.body", bones(4, "Loading the release lock"));
  const checks = h("div.body.stack.tight", { "aria-live": "polite" }, h("p.muted", "Files, page, signature and policy are looked at anew, and the place it came from is asked."));
  const verify = button("Verify now", { symbol: "check", onclick: () => busy(verify, look) });
  const node = h(
    "div.page.stack",
    doubt,
    panel("Who vouches for it", who),
    panel("Rating", rating),
    h("section.panel", { "aria-label": "Verification" }, h("header", h("h2", "Is it still what was let in?"), h("div.end", verify)), checks),
    panel("Sandbox and connections", around),
    panel("Release lock", lock),
  );
  let shown = "";
  let release = "";

  async function look() {
    const found = await api.verify(id);
    const sum = found.ok ? "Nothing that was looked at failed." : "It is not what was let in.";
    checks.replaceChildren(h("p", h("strong", { data: { tone: found.ok ? "ok" : "danger" } }, sum)), h("ul.checks", found.checks.map(checked)));
  }

  async function load(wanted) {
    try {
      const found = await api.lock(id);
      if (wanted === release) lock.replaceChildren(releaseLock(found));
    } catch (error) {
      if (wanted === release) lock.replaceChildren(h("p.error-text", error.message));
    }
  }

  function update(view) {
    const now = JSON.stringify([view.trust, view.rating, view.instances, view.releaseId]);
    if (now === shown) return;
    shown = now;
    const refused = Boolean(view.trust.refusal);
    doubt.hidden = !refused;
    doubt.replaceChildren(...(refused ? [callout("danger", "stop", standing(view).words, view.trust.refusal)] : []));
    who.replaceChildren(h("div.badges", tierBadge(view), standingBadge(view)), h("p", view.trust.words));
    rating.replaceChildren(grade(view.rating, true), h("div.stack.tight", h("p", sentence(view.rating)), reasons(view.rating)));
    around.replaceChildren(...surroundings(view));
    if (release !== view.releaseId) load((release = view.releaseId));
  }

  return { node, update };
}

function panel(title, content) {
  return h("section.panel", { "aria-label": title }, h("header", h("h2", title)), content);
}

function sentence(rating) {
  const words = ratingWords(rating);
  return `${words[0].toUpperCase()}${words.slice(1)}. It decides nothing: the policy does.`;
}

function checked({ what, ok, words }) {
  const [result, tone] = RESULTS[ok];
  return h("li.check-line", { data: { check: what } }, h("span.result", { data: { tone } }, result), h("span", h("strong", what), " ", words));
}
