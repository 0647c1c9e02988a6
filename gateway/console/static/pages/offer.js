// One plugin that could be installed: what it is, what it may do, all its versions.

import { api } from "../api.js";
import { button, h, icon } from "../dom.js";
import { install, update as move } from "../market/install.js";
import { badges, from, grantLine, grants, objection, signatureWords } from "../market/words.js";
import { store } from "../store.js";
import { grade, ratingWords } from "../trust/words.js";
import { bones, busy, callout, empty } from "../ui.js";

const VERSIONS = 20; // shown at once

export function create({ id }) {
  const back = h("a.button.quiet", { href: "/catalog" }, icon("back"), "Catalog");
  const place = h("div.stack.offers", h("h1.unseen", id), bones(6, "Loading the plugin"));
  const node = h("div.page", h("div.page-head", back), place);
  let name = id;
  let offers = null;
  let shown = "";

  async function load() {
    try {
      offers = (await api.offers(id)).offers;
      name = offers[0].name;
      update();
    } catch (error) {
      place.replaceChildren(h("h1.unseen", id), empty("plug", "Not in the catalog", [error.message, error.hint].filter(Boolean).join(" ")));
    }
  }

  function update() {
    if (!offers) return;
    const now = JSON.stringify(store.plugins?.get(id)?.version ?? null);
    if (now === shown) return;
    shown = now;
    place.replaceChildren(...offers.map((offer, at) => section(offer, at === 0)));
  }

  load();
  return { node, update, title: () => name };
}

function section(offer, first) {
  const head = h("div.offer-head", h("div.grow", h(first ? "h1" : "h2", offer.name), h("p.muted", lead(offer))), h("div.actions", actions(offer)));
  const said = objection(offer);
  return h(
    "section.stack",
    { data: { catalogue: offer.catalogue } },
    head,
    badges(offer),
    said && callout("warn", "alert", "It cannot be taken as it is", said),
    offer.description && h("p.offer-words", offer.description),
    pictures(offer),
    h("div.panel", h("header", h("h2", "What it may do")), h("div.body", grants(offer.permissions, "Once installed:"))),
    h("div.panel", h("header", h("h2", "About it")), h("div.body", facts(offer))),
    h("div.panel", h("header", h("h2", "Versions")), versions(offer)),
  );
}

function lead(offer) {
  const by = offer.publisher ? `By ${offer.publisher}, ` : "";
  return `${by}${by ? "from" : "From"} ${from(offer)}`;
}

function actions(offer) {
  const here = store.plugins?.get(offer.id);
  if (here) {
    const target = offer.details.find((one) => one.version === offer.update);
    const open = h("a.button", { href: `/plugins/${offer.id}` }, icon("check"), `Installed ${here.version}`);
    if (!target || here.version === target.version) return [open];
    const go = button(`Update to ${target.version}`, { symbol: "forward", kind: "primary" });
    go.addEventListener("click", () => busy(go, async () => move(offer, target, await granted(offer.id))));
    return [go, open];
  }
  const best = offer.details.find((one) => one.version === offer.version);
  return best ? [installButton(offer, best, "primary")] : [];
}

function installButton(offer, version, kind = "") {
  if (!Object.keys(version.definition).length || version.yanked) return null;
  const label = `Install ${offer.name} ${version.version}`;
  const node = button(kind ? `Install ${version.version}` : "Install", { kind, "aria-label": label });
  node.addEventListener("click", () => busy(node, () => install(offer, version)));
  return node;
}

/** What the installed release may do. */
async function granted(id) {
  const { releases } = await api.releases(id);
  const { egress = [], volumes = [], origins = [] } = releases.find((one) => one.current)?.lock?.permissions ?? {};
  return { egress, volumes, origins };
}

function pictures({ screenshots }) {
  if (!screenshots.length) return null;
  const list = screenshots.map(({ url, alt }) => {
    const image = h("img", { src: url, alt, loading: "lazy" });
    image.addEventListener("error", () => image.replaceWith(h("p.muted.small", `The picture “${alt || "screenshot"}” is not to be had now.`)));
    return h("li", h("a", { href: url, target: "_blank", "aria-label": `${alt || "Screenshot"}, in full size` }, image));
  });
  return h("ul.screenshots", { "aria-label": "Screenshots" }, list);
}

function facts(offer) {
  const rows = [
    ["Identity", h("code", offer.id)],
    offer.source && ["Source", offer.source],
    ["Signature", signatureWords(offer)],
    ["Rating", h("span", grade(offer.rating), ` ${ratingWords(offer.rating)}`)],
    ["Interface", { none: "none", static: "a page", react_component: "a React component" }[offer.uiType] ?? offer.uiType],
    offer.categories.length > 0 && ["Categories", offer.categories.join(", ")],
    offer.homepage && ["Homepage", h("a", { href: offer.homepage, target: "_blank", rel: "noopener noreferrer" }, offer.homepage)],
  ];
  return h("dl.facts", rows.filter(Boolean).map(([name, value]) => h("div", h("dt", name), h("dd", value))));
}

function versions(offer) {
  const here = store.plugins?.get(offer.id);
  const line = (one) => {
    const said = objection(one);
    const notes = said ? h("span.error-text", said) : h("span.notes", one.notes || "–");
    const mark = here?.version === one.version ? h("span.tag", "installed") : here ? null : installButton(offer, one);
    return h("tr", h("td", one.version), h("td", one.releasedAt?.slice(0, 10) ?? "–"), h("td.wrap", grantLine(one.permissions)), h("td.wrap", notes), h("td", mark));
  };
  const head = ["Version", "Released", "Permissions", "Notes", "Action"].map((name) => h("th", { scope: "col" }, name));
  const body = h("tbody", offer.details.slice(0, VERSIONS).map(line));
  const rest = offer.details.slice(VERSIONS);
  const more = rest.length > 0 && h("div.body", button(`Show ${rest.length} older ones`, { onclick: ({ target }) => (target.parentNode.remove(), body.append(...rest.map(line))) }));
  return [h("div.scroll", h("table.plain.versions", h("thead", h("tr", head)), body)), more];
}
