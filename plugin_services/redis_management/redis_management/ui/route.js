// The page's address behind the console's own: "/keys?pattern=user:*&key=user:1&database=2".

export const VIEWS = { overview: "Overview", keys: "Keys", "slow-log": "Slow log", clients: "Clients" };

export function parseRoute(path) {
  const [view, search = ""] = String(path ?? "/").replace(/^\//, "").split("?");
  return { view: Object.hasOwn(VIEWS, view) ? view : "overview", params: Object.fromEntries(new URLSearchParams(search)) };
}

export function writeRoute({ view, params }) {
  const kept = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = String(new URLSearchParams(kept));
  return `/${view}${search ? `?${search}` : ""}`;
}
