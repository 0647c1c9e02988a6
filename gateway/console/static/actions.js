// What can be done to a plugin, wherever it is shown.

import { api } from "./api.js";
import { button, h, icon } from "./dom.js";
import { refresh } from "./live.js";
import { navigate } from "./router.js";
import { store } from "./store.js";
import { ask, complain, toast } from "./ui.js";

async function act(view, what, done) {
  try {
    const answer = await api.act(view.id, what);
    if (answer?.id === view.id) store.put(answer);
    toast(done, "ok");
    await refresh();
  } catch (error) {
    complain(error);
  }
}

export const enable = (view) => act(view, "enable", `${view.name} is enabled.`);
export const restart = (view) => act(view, "restart", `${view.name} is being restarted.`);
export const tryAgain = (view) => act(view, "restart", `${view.name} is being started again.`);

export async function disable(view) {
  const sure = await ask({
    title: `Disable ${view.name}?`,
    text: "Its instances stop and its calls are answered with 503. Settings and data stay.",
    accept: "Disable",
    danger: true,
  });
  if (sure) await act(view, "disable", `${view.name} is disabled.`);
}

export async function uninstall(view) {
  const purge = h("label.check", h("input", { type: "checkbox", name: "purge" }), "Delete its data as well. This cannot be undone.");
  const sure = await ask({
    title: `Uninstall ${view.name}?`,
    text: "Its instances stop and its settings are forgotten.",
    accept: "Uninstall",
    danger: true,
    extra: [purge],
  });
  if (!sure) return;
  try {
    await api.remove(view.id, Boolean(sure.purge));
    toast(`${view.name} is uninstalled.`, "ok");
    if (location.pathname.startsWith(`/plugins/${view.id}`)) navigate("/");
    await refresh();
  } catch (error) {
    complain(error);
  }
}

/** The menu entries that fit the plugin's state. */
export function menuItems(view) {
  const item = (symbol, words, onclick, cls = "button") => h(cls, { type: "button", onclick }, icon(symbol), words);
  const goto = (symbol, words, href) => h("a", { href }, icon(symbol), words);
  return [
    goto("plug", "Overview", `/plugins/${view.id}`),
    goto("forward", "Rollouts", `/plugins/${view.id}/rollouts`),
    view.hasSettings && goto("gear", "Settings", `/plugins/${view.id}/settings`),
    goto("logs", "Logs", `/plugins/${view.id}/logs`),
    h("hr"),
    view.enabled && item("turn", "Restart", () => restart(view)),
    view.enabled ? item("off", "Disable", () => disable(view)) : item("play", "Enable", () => enable(view)),
    item("bin", "Uninstall", () => uninstall(view), "button.danger"),
  ];
}

/** The one step that helps a plugin in this state; null where there is none. */
export function remedy(view) {
  if (!view.enabled) return button("Enable", { symbol: "play", kind: "primary", onclick: () => enable(view) });
  if (view.state === "quarantined") return button("Try again", { symbol: "turn", kind: "primary", onclick: () => tryAgain(view) });
  return null;
}
