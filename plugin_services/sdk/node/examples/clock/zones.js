// Time in zones, by the tables that come with Node.

export function isZone(name) {
  try {
    formatter(name);
    return true;
  } catch {
    return false;
  }
}

/** Zone and wall-clock time, such as { zone: "UTC", time: "2026-01-31 09:05:00" }. */
export function timesIn(zones, at = new Date()) {
  return zones.map((zone) => ({ zone, time: formatter(zone).format(at).replace(",", "") }));
}

const formatters = new Map();

function formatter(zone) {
  if (!formatters.has(zone)) {
    // Sweden writes dates as ISO 8601 does.
    const made = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
    formatters.set(zone, made);
  }
  return formatters.get(zone);
}
