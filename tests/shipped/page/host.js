// Stands in for the console: the same host object, with fetch behind it. ?theme=dark shows the dark side.

import { mount } from "/ui/index.js";

const theme = new URLSearchParams(location.search).get("theme") ?? "light";
document.documentElement.dataset.theme = theme;
const paths = new Set();
const said = (window.said = []);

const host = {
  theme,
  onTheme: () => () => {},
  get path() {
    return decodeURIComponent(location.hash.slice(1)) || "/";
  },
  navigate: (path) => history.replaceState(null, "", `#${encodeURIComponent(path)}`),
  onPath: (callback) => (paths.add(callback), () => paths.delete(callback)),
  openLink: (url) => (said.push({ text: url, kind: "link" }), Promise.resolve()),
  fetch: (path, init) => fetch(`/api${path}`, init),
  notify: (text, { kind } = {}) => said.push({ text, kind }),
  download: (name, blob) => blob.text().then((text) => (said.push({ text: `${name}: ${text}`, kind: "download" }), true)),
  confirm: (text) => (said.push({ text, kind: "confirm" }), Promise.resolve(true)),
};

addEventListener("hashchange", () => paths.forEach((callback) => callback(host.path)));
mount(document.getElementById("root"), host);
