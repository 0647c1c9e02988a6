// Asking for a rollout: version, strategy, steps, and the timing for those who want to set it.

import { api } from "../api.js";
import { button, h } from "../dom.js";
import { refresh } from "../live.js";
import { busy, callout, toast } from "../ui.js";
import { STRATEGIES } from "./words.js";

const OTHER = "other";
const TIMING = [
  ["startup", "Start-up", 30, "until it has to be healthy"],
  ["probeInterval", "Probe interval", 1, "between two questions for its health"],
  ["probeTimeout", "Probe time-out", 5, "for the answer to one"],
  ["minHealthy", "Minimum healthy", 10, "without a break before it is used"],
  ["bake", "Bake", 30, "watched after the switch, with the old version warm"],
  ["drain", "Drain", 30, "for running calls to finish"],
  ["progress", "Progress", 600, "without any progress until it is given up"],
];
const TESTERS = [
  ["testerHeader", "Testers' header", "x-plugway-canary"],
  ["testerCookie", "Testers' cookie", "plugway_canary"],
];
const USUAL = [{ weight: 10, seconds: 60 }, { weight: 50, seconds: 60 }];
let lastId = 0;

/** The form; `done` is called once a rollout has begun. */
export function startForm(view, versions, defaults, done) {
  const fields = new Map();
  const refused = h("div");
  const version = versionField(view, versions);
  const strategy = strategyField(defaults);
  const steps = stepsField(defaults.steps ?? USUAL);
  const yes = h("input", { type: "checkbox" });
  const inputs = [...TIMING.map((one) => timing(one, defaults)), ...TESTERS.map((one) => tester(one, defaults))];
  const agree = h("label.check", yes, h("span", "Agree beforehand to what differs between the two versions (routes, settings, permissions)."));
  const advanced = h("details.advanced", h("summary", "Advanced"), h("div.stack", h("div.grid", inputs.map(({ node }) => node)), agree));
  const submit = button("Start the rollout", { symbol: "forward", kind: "primary", type: "submit" });
  const form = h("form.form", { novalidate: true, onsubmit: send, oninput: changed }, refused, h("div.pair", version.node, strategy.node), steps.node, advanced, h("div.actions", submit));
  for (const field of [version, strategy, steps, ...inputs]) fields.set(field.key, field);

  function changed() {
    steps.node.hidden = strategy.value() !== "canary";
    for (const field of fields.values()) field.say("");
  }

  function request() {
    const given = inputs.filter(({ value }) => value() !== undefined).map(({ key, value }) => [key.slice(1), value()]);
    const chosen = strategy.value();
    return { version: version.value(), strategy: chosen, ...(chosen === "canary" ? { steps: steps.value() } : {}), ...Object.fromEntries(given), yes: yes.checked };
  }

  async function send(event) {
    event.preventDefault();
    refused.replaceChildren();
    if (!version.value()) return version.say("Name the version to move to.");
    await busy(submit, async () => {
      try {
        await api.begin(view.id, request());
      } catch (error) {
        if (!error.status) throw error;
        return show(error);
      }
      toast(`${view.name} is being moved to ${version.value()}.`, "ok");
      await refresh();
      done();
    });
  }

  function show(error) {
    const rest = [];
    for (const [path, message] of error.fields) {
      const field = fields.get(`/${path.split("/")[1]}`);
      if (field) field.say(message);
      else rest.push(message);
      if (inputs.includes(field)) advanced.open = true;
    }
    refused.replaceChildren(callout("danger", "alert", "Not started", [error.message, ...rest, error.hint].filter(Boolean).join("\n")));
    (form.querySelector("[aria-invalid=true]") ?? submit).focus();
  }

  changed();
  return form;
}

/** A labelled field with help and a place for what is wrong: {node, say}. */
function field(label, control, help, invalid = control) {
  const id = `rollout-${++lastId}`;
  const error = h("p.error", { id: `${id}-error`, hidden: true });
  control.id = id;
  control.setAttribute("aria-describedby", [help && `${id}-help`, `${id}-error`].filter(Boolean).join(" "));
  const node = h("div.field", h("label", { for: id }, label), control, help && h("p.help", { id: `${id}-help` }, help), error);
  return { node, say: sayer(error, invalid) };
}

function sayer(error, control) {
  return (message) => {
    error.textContent = message;
    error.hidden = !message;
    if (message) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
}

function versionField(view, versions) {
  const option = (value) => h("option", { value, disabled: value === view.version }, value === view.version ? `${value} (in use)` : value);
  const wanted = versions.find((one) => one !== view.version);
  const select = h("select.input", versions.map(option), h("option", { value: OTHER }, "Another version…"));
  select.value = wanted ?? OTHER;
  const typed = h("input.input", { placeholder: "2.0.0", "aria-label": "Version to move to", autocomplete: "off", spellcheck: "false", maxlength: 100 });
  const { node, say } = field("Version", h("div"), "");
  const label = node.querySelector("label");
  const place = label.nextElementSibling;
  place.replaceWith(h("div.stack.tight", select, typed));
  select.id = label.htmlFor;
  const show = () => (typed.hidden = select.value !== OTHER);
  select.addEventListener("change", () => {
    show();
    if (!typed.hidden) typed.focus();
  });
  show();
  const value = () => (select.value === OTHER ? typed.value.trim() : select.value);
  return { key: "/version", node, say, value };
}

function strategyField(defaults) {
  const options = Object.entries(STRATEGIES).map(([value, { words }]) => h("option", { value }, words));
  const select = h("select.input", options);
  select.value = defaults.strategy ?? (defaults.steps ? "canary" : "direct");
  const made = field("Strategy", select, " ");
  const help = made.node.querySelector(".help");
  const tell = () => (help.textContent = STRATEGIES[select.value].about);
  select.addEventListener("change", tell);
  tell();
  return { key: "/strategy", node: made.node, say: made.say, value: () => select.value };
}

function stepsField(given) {
  const list = h("ol.steps");
  const error = h("p.error", { hidden: true });
  const add = button("Add a step", { symbol: "plus", onclick: () => append({ weight: 50, seconds: 60 }).querySelector("input").focus() });

  function append({ weight, seconds }) {
    const share = h("input.input", { type: "number", min: 0, max: 100, step: 1, value: weight, inputmode: "numeric" });
    const hold = h("input.input", { type: "number", min: 0, step: 1, value: seconds ?? 60, inputmode: "numeric" });
    const byHand = h("input", { type: "checkbox", checked: seconds === null });
    const remove = button("Remove this step", { symbol: "close", only: true, kind: "quiet", onclick: drop });
    const until = h("label.hold", "for", hold, "s");
    const row = h("li.step", h("label.hold", share, "% of new sessions"), until, h("label.check", byHand, "until promoted by hand"), remove);
    row.read = () => ({ weight: Number(share.value), seconds: byHand.checked ? null : Number(hold.value) });
    const show = () => (hold.disabled = byHand.checked);
    byHand.addEventListener("change", show);
    show();
    list.append(row);
    return row;
    function drop() {
      row.remove();
      add.focus();
    }
  }

  for (const step of given) append(step);
  const node = h("fieldset", h("legend", "Steps"), list, error, h("div", add));
  return { key: "/steps", node, say: sayer(error, list), value: () => [...list.children].map((row) => row.read()) };
}

function timing([key, label, usual, help], defaults) {
  const control = h("input.input", { type: "number", min: 0, step: "any", placeholder: defaults[key] ?? usual, inputmode: "decimal" });
  const { node, say } = field(`${label} (s)`, control, help);
  return { key: `/${key}`, node, say, value: () => (control.value === "" ? undefined : Number(control.value)) };
}

function tester([key, label, usual], defaults) {
  const control = h("input.input", { placeholder: defaults[key] ?? usual, autocomplete: "off", spellcheck: "false" });
  const { node, say } = field(label, control, "with the value always or never");
  return { key: `/${key}`, node, say, value: () => control.value.trim() || undefined };
}
