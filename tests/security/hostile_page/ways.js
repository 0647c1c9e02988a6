// Reading what is not the page's own, and leaving its frame.

import { trust } from "./scripts.js";

const pause = (time) => new Promise((done) => setTimeout(done, time));
const made = (tag, props) => Object.assign(document.createElement(tag), props);

/** What the page gets hold of, one line for each. */
export async function store() {
  const reaches = {
    cookie: () => document.cookie,
    writeCookie: () => (document.cookie = "a=b"),
    localStorage: () => localStorage.length,
    sessionStorage: () => sessionStorage.length,
    database: () => indexedDB.open("x"),
    caches: () => caches.open("x"),
    directory: () => navigator.storage.getDirectory(),
    serviceWorker: () => navigator.serviceWorker.register(new URL("./ways.js", import.meta.url)),
    sharedWorker: () => new SharedWorker(new URL("./ways.js", import.meta.url)),
    console: () => parent.document.title,
    consoleStorage: () => parent.localStorage.length,
    consoleCode: () => parent.eval,
    frame: () => frameElement.id,
    address: () => top.location.href,
  };
  const got = [];
  for (const [name, reach] of Object.entries(reaches)) {
    try {
      await reach();
      got.push(name);
    } catch {
      continue;
    }
  }
  return got;
}

/** Every way of asking an address for something; the names of those that got an answer. */
export async function ask(_, url) {
  const loads = (node, parent = document.body) =>
    new Promise((done, fail) => {
      node.onload = node.onloadeddata = done;
      node.onerror = fail;
      parent.append(node);
      setTimeout(fail, 700);
    });
  const opens = (socket) =>
    new Promise((done, fail) => {
      socket.onopen = done;
      socket.onerror = fail;
    });
  const xhr = () =>
    new Promise((done, fail) => {
      const request = new XMLHttpRequest();
      request.onload = done;
      request.onerror = fail;
      request.open("POST", url);
      request.send("stolen");
    });
  const ways = {
    fetch: () => fetch(url, { credentials: "include" }),
    unread: () => fetch(url, { mode: "no-cors", method: "POST", body: "stolen" }),
    kept: () => fetch(url, { mode: "no-cors", keepalive: true }),
    xhr,
    events: async () => opens(new EventSource(url)),
    socket: async () => opens(new WebSocket(url.replace("http", "ws"))),
    module: () => import(url),
    image: () => loads(made("img", { src: url })),
    style: () => loads(made("link", { rel: "stylesheet", href: url }), document.head),
    prefetch: () => loads(made("link", { rel: "prefetch", href: url }), document.head),
    preload: () => loads(made("link", { rel: "preload", as: "fetch", href: url }), document.head),
    video: () => loads(made("video", { src: url, preload: "auto" })),
    object: () => loads(made("object", { data: trust.createScriptURL(url) })),
    font: () => new FontFace("x", `url(${url})`).load(),
  };
  // These say nothing of what became of them; the other side tells.
  navigator.sendBeacon(url, "stolen");
  const ping = made("a", { href: "#here", ping: url });
  document.body.append(ping, made("iframe", { src: url }));
  ping.click();
  const tried = Object.entries(ways).map(([name, way]) => way().then(() => name, () => ""));
  return (await Promise.all(tried)).filter(Boolean);
}

/** Everything that would show another page than the console. */
export async function leave(_, url) {
  const acts = [
    () => (top.location.href = url),
    () => top.location.replace(url),
    () => parent.location.assign(url),
    () => top.close(),
    ...["_top", "_parent", "_blank"].map((target) => () => {
      const link = made("a", { href: url, target });
      document.body.append(link);
      link.click();
    }),
    ...["_top", "_blank"].map((target) => () => {
      const form = made("form", { action: url, target });
      document.body.append(form);
      form.submit();
    }),
  ];
  for (const act of acts) {
    try {
      act();
    } catch {
      continue;
    }
  }
  const popup = window.open(url);
  await pause(300);
  return popup ? "opened" : "blocked";
}

/** Links for a reader to click: with their hand on the mouse a page may do more. */
export async function lure(_, url) {
  for (const target of ["_top", "_blank"]) {
    const link = made("a", { href: url, target, textContent: `free ${target}` });
    document.body.append(link, " ");
  }
}

/** A form that is sent: Chromium then puts an error page in the frame, where the address is of another host. */
export async function submit(_, url) {
  const form = made("form", { action: url, method: "post" });
  form.append(made("input", { name: "stolen", value: "stolen" }));
  document.body.append(form);
  form.submit();
}

/** Another page in its own frame. */
export async function own(_, url, how) {
  if (how === "refresh") document.head.append(made("meta", { httpEquiv: "refresh", content: `0;url=${url}` }));
  else location.href = url;
}
