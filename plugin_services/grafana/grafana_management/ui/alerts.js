// Alert rules with their states, and silences.

import { alertRuleView, stateBadge } from "./alert_rule.js";
import { act, part, partChoice, saveDialog, textInput, when } from "./common.js";
import { fill, h } from "./kit/dom.js";
import { plural } from "./kit/format.js";
import { button, choice, field } from "./kit/parts.js";
import { List } from "./list.js";

const PARTS = { rules: { label: "Rules", list: ruleList }, silences: { label: "Silences", list: silenceList } };
const STATES = { "": "All states", firing: "Firing", pending: "Pending", inactive: "Not firing" };
const SPANS = { 60: "1 hour", 240: "4 hours", 1440: "1 day", 10080: "7 days", 43200: "30 days" };

export function alertsView(page, place, params) {
  if (params.uid) return alertRuleView(page, place, params.uid);
  const chosen = params.part in PARTS ? params.part : "rules";
  const inner = h("div");
  fill(place, partChoice(page, "alerts", PARTS, chosen), inner);
  return PARTS[chosen].list(page, inner, params);
}

function ruleList(page, place, params) {
  const state = choice(STATES, params.state ?? "", () => list.look());
  state.setAttribute("aria-label", "State");
  const list = new List(page, place, {
    path: "/alert-rules", field: "rules", one: "rule", hint: "Part of the rule's name", search: params.search,
    tools: h("span", { class: "connection" }, state),
    query: () => ({ state: state.value }),
    remember: (query) => page.go("alerts", query, { quiet: true }),
    nothing: (search) => (search || state.value ? ["No rule matches", "Search for another name, or another state."] : ["No alert rules", "Rules are made in Grafana."]),
    note: ({ problem, firing }) => (problem ? h("p", { class: "note muted" }, `States are not known: ${problem}`) : firing > 0 && h("p", { class: "note" }, `${plural(firing, "rule")} firing.`)),
    columns: {
      Name: (one) => [button(one.title, () => page.go("alerts", { uid: one.uid }), { kind: "link" }), one.provisioned && h("span", { class: "badge" }, "from elsewhere")],
      State: (one) => [stateBadge(one), one.health && one.health !== "ok" && h("span", { class: "badge warn", title: one.problem }, one.health)],
      Group: (one) => one.group,
      Evaluated: (one) => h("span", { class: "muted" }, when(one.evaluated)),
    },
  });
  return list;
}

const condition = ({ name, value, isRegex, isEqual }) => `${name} ${isEqual ? (isRegex ? "=~" : "=") : isRegex ? "!~" : "!="} ${value}`;

function silenceList(page, place, params) {
  const expired = h("input", { type: "checkbox", checked: params.expired === "true", onchange: () => list.look() });
  const list = new List(page, place, {
    path: "/silences", field: "silences", one: "silence", hint: "Part of the words or of a label", search: params.search,
    tools: h("label", { class: "check" }, expired, "with those that are over"),
    addLabel: "New silence", add: (page) => newSilence(page),
    query: () => ({ expired: expired.checked }),
    remember: (query) => page.go("alerts", { ...query, part: "silences" }, { quiet: true }),
    nothing: (search) => (search ? ["No silence matches", "Search for other words."] : ["No silences", "While a silence lasts, nobody is told of the alerts that match it."]),
    columns: {
      Matches: (one) => one.matchers.map((matcher) => h("span", { class: "badge tag code" }, condition(matcher))),
      Why: (one) => one.comment || "–",
      State: (one) => h("span", { class: `badge ${one.state === "active" ? "warn" : ""}` }, one.state),
      Until: (one) => when(one.ends),
      By: (one) => one.createdBy,
      Do: (one) => page.writable && one.state !== "expired" && button("End…", () => endSilence(page, one, () => list.load(true)), { kind: "link", title: `End the silence “${one.comment}”`, about: [one.comment, ...one.matchers.map(condition)].join(", ") }),
    },
  });
  return list;
}

function endSilence(page, one, then) {
  return act(page, { words: `End the silence “${one.comment}” now? People are told of its alerts from then on.`, accept: "End it", work: () => page.api.remove(`/silences/${part(one.id)}`), done: "Ended the silence.", then });
}

export function newSilence(page, labels = {}, then) {
  const lines = Object.entries(labels).map(([name, value]) => `${name}=${value}`).join("\n");
  const matchers = h("textarea", { class: "input code", rows: 4, spellcheck: "false", value: lines });
  const span = choice(SPANS, "60");
  const comment = textInput();
  return saveDialog(page, {
    title: "New silence",
    accept: "Silence",
    done: "Silenced.",
    body: [field("Labels", matchers, "One a line: name=value, name=~expression, name!=value, name!~expression. All have to match."), field("For", span), field("Why", comment)],
    submit: () => page.api.post("/silences", {}, { matchers: conditions(matchers.value), minutes: Number(span.value), comment: comment.value.trim() }),
  }, then);
}

export function conditions(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const [, name, sign, value] = /^([^=!~]+?)\s*(=~|!=|!~|=)\s*(.*)$/.exec(line) ?? [];
    if (!name) throw new Error(`"${line}" is no condition: write name=value.`);
    return { name, value, isRegex: sign.endsWith("~"), isEqual: sign.startsWith("=") };
  });
}
