// Elements made one by one: what a note says is never markup.

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function button(text, onclick, props = {}) {
  return h("button", { type: "button", onclick, ...props }, text);
}

/** Calls `act` once, `wait` milliseconds after the last call; `flush` runs a waiting one now. */
export function debounced(act, wait) {
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(run, wait);
  };
  const run = () => {
    timer = 0;
    return act();
  };
  later.flush = () => {
    if (!timer) return undefined;
    clearTimeout(timer);
    return run();
  };
  return later;
}
