// Scales of plots, and figures in words. Pure.

/** The least of 1, 2, 5, 10, 20... that is not below `value`; `least` where nothing is. */
export function ceiling(value, least) {
  if (!(value > 0)) return least;
  const power = 10 ** Math.floor(Math.log10(value));
  const found = [1, 2, 5, 10].map((step) => step * power).find((bound) => bound >= value * 0.999);
  return Math.max(found, least);
}

export function perSecond(value) {
  if (value === 0) return "0/s";
  if (value < 0.1) return `${(value * 60).toFixed(1)}/min`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)}/s`;
}

export function percent(value) {
  if (value === 0) return "0 %";
  return value < 0.001 ? "< 0.1 %" : `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;
}

export function milliseconds(value) {
  if (value >= 1000) return `${(value / 1000).toFixed(value < 10000 ? 1 : 0)} s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** A line's path through [x, y] in a box of width and height; null breaks it. */
export function line(values, width, height, top) {
  let pen = "M";
  const steps = Math.max(values.length - 1, 1);
  return values
    .map((value, index) => {
      if (value === null) {
        pen = "M";
        return "";
      }
      const command = `${pen}${((index / steps) * width).toFixed(1)} ${(height - (Math.min(value, top) / top) * height).toFixed(1)}`;
      pen = "L";
      return command;
    })
    .join("");
}

/** Runs of one state: [{state, from, to}] by index. */
export function runs(states) {
  const found = [];
  states.forEach((state, index) => {
    const last = found.at(-1);
    if (last?.state === state) last.to = index + 1;
    else found.push({ state, from: index, to: index + 1 });
  });
  return found;
}
