// Pages by path, without reloading.

const PLUGIN = "/plugins/([a-z][a-z0-9-]+)";
const ROUTES = [
  ["/", "plugins"],
  ["/catalog", "catalog"],
  ["/catalog/([a-z][a-z0-9-]+)", "offer"],
  ["/login", "login"],
  ["/tokens", "tokens"],
  ["/audit", "audit"],
  [PLUGIN, "overview"],
  [`${PLUGIN}/open`, "open"],
  [`${PLUGIN}/rollouts`, "rollouts"],
  [`${PLUGIN}/trust`, "trust"],
  [`${PLUGIN}/settings`, "settings"],
  [`${PLUGIN}/figures`, "figures"],
  [`${PLUGIN}/logs`, "logs"],
].map(([path, page]) => [new RegExp(`^${path}/?$`), page]);

let changed = () => {};
/** A page may set this to be asked before it is left; it returns a promise of true to go. */
export const guard = { ask: null };

/** {page, id} of a path; page is "missing" where there is none. */
export function match(path) {
  for (const [pattern, page] of ROUTES) {
    const found = path.match(pattern);
    if (found) return { page, id: found[1] ?? "" };
  }
  return { page: "missing", id: "" };
}

export async function navigate(path, { replace = false } = {}) {
  if (guard.ask && !(await guard.ask())) return;
  guard.ask = null;
  history[replace ? "replaceState" : "pushState"](null, "", path);
  changed();
}

/** Calls `show` at every change of the path. Changes of the fragment alone are the page's own. */
export function begin(show) {
  let shown = null;
  changed = () => {
    shown = location.pathname;
    show();
  };
  addEventListener("popstate", () => location.pathname !== shown && changed());
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || event.defaultPrevented || link.target || link.origin !== location.origin) return;
    if (match(link.pathname).page === "missing" || link.hash) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
  changed();
}
