// The console: the frame around the pages, and which page is shown.

import { api } from "./api.js";
import { button, h, icon } from "./dom.js";
import { tick } from "./format.js";
import { follow, retryNow } from "./live.js";
import * as audit from "./pages/audit.js";
import * as catalog from "./pages/catalog.js";
import * as login from "./pages/login.js";
import * as figures from "./pages/figures.js";
import * as logs from "./pages/logs.js";
import * as missing from "./pages/missing.js";
import * as offer from "./pages/offer.js";
import * as open from "./pages/open.js";
import * as overview from "./pages/overview.js";
import * as plugins from "./pages/plugins.js";
import * as rollouts from "./pages/rollouts.js";
import * as settings from "./pages/settings.js";
import * as tokens from "./pages/tokens.js";
import * as trust from "./pages/trust.js";
import { begin, guard, match, navigate } from "./router.js";
import { store } from "./store.js";
import { complain, menu, toasts } from "./ui.js";

const PAGES = { plugins, catalog, offer, overview, open, rollouts, settings, trust, figures, logs, missing, login, tokens, audit };
const LINKS = { live: "Live", connecting: "Connecting", offline: "Reconnecting" };

const main = h("main", { id: "main", tabindex: "-1" });
const link = h("span.link", { role: "status" });
const themeSwitch = button("Switch theme", { symbol: "moon", only: true, kind: "quiet", onclick: switchTheme });
const account = menu("Account", accountItems, { symbol: "user" });
const nav = h("nav", { "aria-label": "Main" }, h("a", { href: "/" }, "Plugins"), h("a", { href: "/catalog" }, "Catalog"));
const brand = h("a.brand", { href: "/", "aria-label": "Plugway" }, h("img", { src: "/static/icon.svg", alt: "" }), h("span", "Plugway"));
const top = h("header.top", brand, nav, h("div.end", link, themeSwitch, account));
const offline = h("div.offline", { role: "alert", hidden: true }, "The gateway does not answer. Trying again…");
offline.append(button("Now", { onclick: retryNow }));

let current = null; // {name, id, page}

function show() {
  const { page, id } = match(location.pathname);
  const name = store.session === false ? "login" : page;
  const fresh = current === null;
  current?.page.leave?.();
  guard.ask = null;
  if (name === "login" && store.session) return void navigate("/", { replace: true });
  current = { name, id, page: PAGES[name].create({ id, signedIn }) };
  main.replaceChildren(current.page.node);
  main.scrollTop = 0;
  for (const item of nav.children) {
    const on = item.pathname === (name === "catalog" || name === "offer" ? "/catalog" : name === "plugins" || id ? "/" : location.pathname);
    if (on) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  update();
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  // A page that is gone took the focus with it; a fresh load leaves it where the browser has it.
  if (!fresh && document.activeElement === document.body) (heading ?? main).focus({ preventScroll: true });
}

function update() {
  if (store.session === false ? current?.name !== "login" : store.session && current?.name === "login") return show();
  const known = store.session !== false;
  nav.hidden = link.hidden = account.hidden = !known;
  link.dataset.link = store.link;
  link.textContent = LINKS[store.link];
  offline.hidden = store.link !== "offline" || !known;
  current?.page.update?.();
  document.title = `${current?.page.title?.() ?? "Plugins"} · Plugway`;
}

function switchTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("plugway.theme", theme);
  applyTheme(theme);
}

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  themeSwitch.replaceChildren(icon(theme === "dark" ? "sun" : "moon"));
  const label = `Switch to the ${theme === "dark" ? "light" : "dark"} theme`;
  themeSwitch.setAttribute("aria-label", label);
  themeSwitch.title = label;
  current?.page.theme?.(theme);
}

function accountItems() {
  const { version, runtime } = store.system ?? {};
  return [
    h("p.small.muted", { class: "small muted menu-note" }, `Signed in as ${store.session?.user ?? "…"}`),
    version && h("p.small.muted", { class: "small muted menu-note" }, `Plugway ${version}, runtime: ${runtime?.name ?? "?"}`),
    h("hr"),
    store.session?.role === "admin" && h("a", { href: "/tokens" }, icon("lock"), "Tokens"),
    store.session?.role === "admin" && h("a", { href: "/audit" }, icon("logs"), "Audit log"),
    h("a", { href: "/docs", target: "_blank" }, icon("open"), "API reference"),
    h("button", { type: "button", onclick: signOut }, icon("off"), "Sign out"),
  ];
}

async function signOut() {
  await api.signOut().catch(complain);
  store.signedOut();
}

async function signedIn() {
  store.set({ session: await api.session() });
  if (location.pathname === "/login") navigate("/", { replace: true });
}

/** Asks who is signed in until the gateway answers. */
async function identify() {
  for (;;) {
    try {
      return store.set({ session: await api.session() });
    } catch (error) {
      if (error.status === 401) return store.signedOut();
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, dialog");
  if (event.key !== "/" || typing || event.metaKey || event.ctrlKey || event.altKey) return;
  const field = main.querySelector("input[type=search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => {
  if (!localStorage.getItem("plugway.theme")) applyTheme(matches ? "dark" : "light");
});

document.body.append(h("a.skip", { href: "#main" }, "Skip to content"), top, offline, main, toasts);
applyTheme(document.documentElement.dataset.theme);
setInterval(tick, 5000);
store.subscribe(update);
begin(show);
identify().then(follow);
