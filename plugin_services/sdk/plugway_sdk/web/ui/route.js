// A page's address behind the console's own: "/keys?pattern=user:*&key=user:1&database=2".

/** `views` is what there may be before the "?"; anything else is the first of them. */
export function parseRoute(path, views) {
  const [view, search = ""] = String(path ?? "/").replace(/^\//, "").split("?");
  return { view: views.includes(view) ? view : views[0], params: Object.fromEntries(new URLSearchParams(search)) };
}

export function writeRoute({ view, params }) {
  const kept = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = String(new URLSearchParams(kept));
  return `/${view}${search ? `?${search}` : ""}`;
}
