// Elements from calls: h("p.muted", {id: "x"}, "text", child). Text stays text; there is no markup from strings.

const SVG = "http://www.w3.org/2000/svg";

export function h(what, ...rest) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  const given = isProps(rest[0]) ? rest.shift() : {};
  for (const [name, value] of Object.entries(given)) set(node, name, value);
  node.append(...rest.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function isProps(value) {
  return typeof value === "object" && value !== null && !(value instanceof Node) && !Array.isArray(value);
}

function set(node, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "data") Object.assign(node.dataset, value);
  else if (name === "value") node.value = value;
  else node.setAttribute(name, value === true ? "" : value);
}

const PATHS = {
  plug: "M9 3v5m6-5v5M6 8h12v3a6 6 0 0 1-12 0zm6 9v4",
  check: "M5 12.5l4.5 4.5L19 7.5",
  alert: "M12 8v5m0 3.5v.01M10.3 4L2.9 17.2A2 2 0 0 0 4.6 20h14.8a2 2 0 0 0 1.7-2.8L13.7 4a2 2 0 0 0-3.4 0z",
  stop: "M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3zM12 8v4.5m0 3.5v.01",
  pause: "M9 5v14m6-14v14",
  play: "M7 4.5v15l12-7.5z",
  off: "M12 3v9m5.7-5.7a8 8 0 1 1-11.4 0",
  turn: "M20 12a8 8 0 1 1-2.4-5.7M20 3v4.5h-4.5",
  more: "M5.5 12a.9.9 0 1 0-1.8 0 .9.9 0 0 0 1.8 0zM12.9 12a.9.9 0 1 0-1.8 0 .9.9 0 0 0 1.8 0zM20.3 12a.9.9 0 1 0-1.8 0 .9.9 0 0 0 1.8 0z",
  open: "M14 4h6v6m0-6l-9 9M19 14v4a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2h4",
  gear: "M4 7h9m5 0h2M4 17h2m5 0h9M15.5 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM8.5 14.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  logs: "M4 6h16M4 11h16M4 16h10",
  bin: "M4 7h16M9 7V4h6v3m-8 0l1 13h8l1-13",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM20 20l-4.8-4.8",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2m0 16v2M4.9 4.9l1.4 1.4m11.4 11.4l1.4 1.4M2 12h2m16 0h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  user: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20a7.5 7.5 0 0 1 15 0",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  down: "M12 4v13m-5-5l5 5 5-5",
  dash: "M6 12h12",
  back: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6",
  forward: "M5 12h14m-5-5l5 5-5 5",
};

export function icon(name, cls = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon ${cls}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** An element of a picture, in which properties are attributes as they stand. */
export function s(tag, given = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A button. `label` is what it shows; with `only: true` the icon stands alone and the label is read out. */
export function button(label, { symbol, only, kind = "", ...given } = {}) {
  const named = only ? { "aria-label": label, title: label } : {};
  const cls = ["button", ...kind.split(" ").filter(Boolean), ...(only ? ["square"] : [])].join(".");
  return h(cls.replace("button", "button.button"), { type: "button", ...named, ...given }, symbol && icon(symbol), !only && label);
}
