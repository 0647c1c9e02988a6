// A bar as SVG, beside its words: what it shows is read without it, too.

const SPACE = "http://www.w3.org/2000/svg";

function rect(kind, width) {
  const element = document.createElementNS(SPACE, "rect");
  for (const [name, value] of Object.entries({ class: kind, width, height: 8 })) element.setAttribute(name, value);
  return element;
}

/** As long as `value` is of `most`; no length where either is unknown. */
export function bar(value, most, kind = "") {
  const share = most > 0 && value > 0 ? Math.min(value / most, 1) : 0;
  const plot = document.createElementNS(SPACE, "svg");
  const shape = { class: `bar-plot ${kind}`, viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" };
  for (const [name, text] of Object.entries(shape)) plot.setAttribute(name, text);
  // What is there is seen, however little it is.
  plot.append(rect("ground", 100), rect("fill", share && Math.max(share * 100, 0.6)));
  return plot;
}
