// Addresses of this plugin's calls, and words for what they answer.

export const inside = (page, path) => `/workspaces/${page.workspace}/${path}`;

export const when = (text) => (text ? new Date(text).toLocaleString() : "–");

/** Seconds from one moment to another, none where the clocks differ; null where either is unknown. */
export function between(from, to) {
  return from && to ? Math.max(0, new Date(to) - new Date(from)) / 1000 : null;
}
