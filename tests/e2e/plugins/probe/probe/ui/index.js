import { line } from "./parts.js";

export function mount(root, host) {
  window.host = host; // for the tests, which act as the plugin's own code
  window.seen = [];
  const theme = line("theme", host.theme);
  const path = line("path", host.path);
  root.append(line("title", "Probe is here"), theme, path);
  host.onTheme((value) => (theme.textContent = value));
  host.onPath((value) => (path.textContent = value));
  addEventListener("message", (event) => window.seen.push(event.data));
  return { unmount: () => root.replaceChildren() };
}
