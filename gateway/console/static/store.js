// What the pages show, and who wants to know when it changes.

const listeners = new Set();

export const store = {
  session: null, // {user, role}; null before the first answer, false where nobody is signed in
  system: null,
  plugins: null, // Map of id -> view; null before the first answer
  rollouts: new Map(), // of the plugins that are being moved: id of the plugin -> its rollout
  link: "connecting", // "connecting", "live" or "offline"
  events: [], // the last ones, newest first: {type, plugin, data, at}

  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },

  /** Takes the changes and tells the pages, at most once a frame. */
  set(changes) {
    Object.assign(store, changes);
    tell();
  },

  list() {
    return [...(store.plugins?.values() ?? [])].sort((a, b) => a.name.localeCompare(b.name));
  },

  put(view) {
    store.set({ plugins: new Map(store.plugins ?? []).set(view.id, view) });
  },

  patch(id, part) {
    const view = store.plugins?.get(id);
    if (view) store.put({ ...view, ...part });
  },

  lost() {
    if (store.link !== "offline") store.set({ link: "offline" });
  },

  signedOut() {
    if (store.session !== false) store.set({ session: false, plugins: null, rollouts: new Map(), system: null, events: [] });
  },
};

let waiting = false;
function tell() {
  if (waiting) return;
  waiting = true;
  queueMicrotask(() => {
    waiting = false;
    for (const listener of [...listeners]) listener();
  });
}
