// Times and states in words.

/** A Date from Unix seconds or an ISO text; null where there is none. */
export function moment(value) {
  if (value === null || value === undefined || value === "" || value === 0) return null;
  const date = new Date(typeof value === "number" ? value * 1000 : value);
  return Number.isNaN(date.getTime()) ? null : date;
}

const STEPS = [
  [60, 1, "s"],
  [3600, 60, "min"],
  [86400, 3600, "h"],
  [Infinity, 86400, "d"],
];

/** "3 min" since then (or until then). */
export function span(date, now = Date.now()) {
  const seconds = Math.max(0, Math.round(Math.abs(now - date.getTime()) / 1000));
  const [, unit, name] = STEPS.find(([below]) => seconds < below);
  return `${Math.floor(seconds / unit)} ${name}`;
}

/** A <time> that is kept current by tick(). `mode` is "ago", "in" or "". */
export function ago(value, mode = "ago") {
  const date = moment(value);
  const node = document.createElement("time");
  if (!date) {
    node.textContent = "–";
    return node;
  }
  node.dateTime = date.toISOString();
  node.title = date.toLocaleString();
  node.dataset.mode = mode;
  say(node);
  return node;
}

function say(node) {
  const text = span(new Date(node.dateTime));
  node.textContent = { ago: `${text} ago`, in: `in ${text}`, "": text }[node.dataset.mode];
}

export function tick() {
  for (const node of document.querySelectorAll("time[data-mode]")) say(node);
}

export const STATES = {
  healthy: { symbol: "check", words: "Healthy" },
  starting: { symbol: "turn", words: "Starting" },
  updating: { symbol: "turn", words: "Updating" },
  unhealthy: { symbol: "alert", words: "Unhealthy" },
  disabled: { symbol: "off", words: "Disabled" },
  quarantined: { symbol: "stop", words: "Quarantined" },
};

export const VOICES = {
  active: "health check",
  passive: "calls",
  runtime: "runtime",
};
