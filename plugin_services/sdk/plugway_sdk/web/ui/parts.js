// Pieces that several views show.

import { fill, h, icon } from "./dom.js";

/** `about` says which of several is meant, where others have the same label: it is read aloud behind it. */
export function button(label, onclick, { kind = "", symbol = "", title = "", about = "", disabled = false, pressed = undefined } = {}) {
  return h(
    "button",
    {
      type: "button",
      class: `button ${kind} ${symbol && !label ? "square" : ""}`,
      onclick,
      title: title || false,
      "aria-label": !label ? title : about ? `${label}, ${about}` : false,
      "aria-pressed": pressed,
      disabled,
    },
    symbol && icon(symbol),
    label,
  );
}

export function empty(title, words, ...actions) {
  return h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, words), h("div", { class: "actions" }, actions));
}

/** What went wrong, what to do, and a way to try again. */
export function failure(error, again) {
  return h(
    "div",
    { class: "callout danger", role: "alert" },
    h("strong", {}, error.message),
    error.hint && h("p", {}, error.hint),
    again && h("div", { class: "actions" }, button("Try again", again, { symbol: "refresh" })),
  );
}

const PAUSES = [1, 2, 4, 8, 15];

/**
 * The same, and what passes by itself is tried again by itself, ever more slowly, for as long as it is
 * shown. `again` gets how many tries have failed in a row; 0 where somebody asks for one.
 */
export function retrying(error, again, tries = 0) {
  const shown = failure(error, () => again(0));
  if (error.passing) {
    const pause = PAUSES[Math.min(tries, PAUSES.length - 1)];
    setTimeout(() => shown.isConnected && again(tries + 1), pause * 1000);
  }
  return shown;
}

export function loading(words = "Loading…") {
  return h("p", { class: "loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), words);
}

/**
 * Something begins for the place. Returns whether that still counts, to be asked once an answer is here:
 * nothing else has begun for the place since, and the page has not left it.
 */
export function newest(place) {
  const mark = (place.current = {});
  const shown = place.isConnected;
  return () => place.current === mark && (place.isConnected || !shown);
}

/**
 * Shows "loading" in the place, then what `draw` makes of what `load` gives, or the failure with a way to try
 * again. `draw` is called for an answer that still counts; whatever it changes beside the place belongs there.
 */
export async function into(place, load, { quiet = false, tries = 0, draw = (content) => content } = {}) {
  const counts = newest(place);
  if (!quiet && !tries) fill(place, loading());
  try {
    const found = await load();
    if (counts()) fill(place, draw(found));
  } catch (error) {
    if (counts()) fill(place, retrying(error, (failed) => into(place, load, { tries: failed, draw }), tries));
  }
}

/** Loads the next part of a list; pressed again while it comes, it does nothing. */
export function moreButton(more) {
  let busy = false;
  return button("More", async () => {
    if (busy) return;
    busy = true;
    await more().finally(() => (busy = false));
  });
}

export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.filter(Boolean).map(([name, value, note]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, value, note && h("small", { class: "muted" }, " ", note))),
    ),
  );
}

export function panel(title, ...content) {
  return h("section", { class: "panel" }, h("header", {}, h("h2", {}, title)), h("div", { class: "body" }, content));
}

export function typeBadge(type, label = type) {
  return h("span", { class: "type", "data-type": type }, label);
}

/** A labelled field; `control` is the element. */
export function field(label, control, note = "") {
  // A label around buttons would press the first of them when clicked.
  const simple = control.matches("input, select, textarea");
  return h(simple ? "label" : "div", { class: "field" }, h("span", {}, label), control, note && h("small", { class: "muted" }, note));
}

export function choice(options, value, onchange) {
  const select = h(
    "select",
    { class: "input", onchange: () => onchange?.(select.value) },
    Object.entries(options).map(([key, label]) => h("option", { value: key }, label)),
  );
  select.value = value;
  return select;
}
