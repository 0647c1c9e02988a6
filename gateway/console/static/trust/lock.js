// The release lock: what was resolved, every digest, who signed, what it may do.

import { button, h } from "../dom.js";
import { grants } from "../market/words.js";

const AT_FIRST = 12; // digests

/** `found` is what the gateway answers for a release's lock. */
export function releaseLock(found) {
  const rows = [
    ["Release", h("code", found.releaseId)],
    ["Version", found.version],
    ["Asked for", h("code", asked(found))],
    ["Resolved to", h("code", found.resolved)],
    ["Signed by", found.trust.signer || (found.tier === "built-in" ? "nobody: it is shipped with the gateway" : "nobody")],
    ["Keys", found.trust.keys.length ? h("code", found.trust.keys.join(", ")) : "none"],
    found.signed && ["Signed at", found.signed.signedAt],
    found.signed && ["For installs until", found.signed.expires ?? "without end"],
  ].filter(Boolean);
  return h(
    "div.stack",
    h("dl.facts", rows.map(([name, value]) => h("div", h("dt", name), h("dd", value)))),
    grants(found.permissions, "It may do no more than this:"),
    digests(found.digests),
    raw("The lock as it is kept", found.lock),
    found.signed && raw("The lock as it was signed", found.signed),
  );
}

function asked({ asked: { source, sourceUrl, apiBaseUrl, uiConfig, version, id } }) {
  const { packageName, packageUrl, componentUrl, componentEndpoint, version: range } = uiConfig ?? {};
  const named = packageName && `${packageName}@${range ?? "latest"}`;
  return `${source}: ${named ?? sourceUrl ?? packageUrl ?? componentUrl ?? apiBaseUrl ?? componentEndpoint ?? [id, version].filter(Boolean).join(" ")}`;
}

function digests(all) {
  if (!all.length) return h("p.muted", "Nothing of it lies here, so there is no digest to hold it to.");
  const line = ({ name, digest }) => h("tr", h("td.wrap", name), h("td", h("code", digest)));
  const body = h("tbody", all.slice(0, AT_FIRST).map(line));
  const rest = all.slice(AT_FIRST);
  const more = rest.length > 0 && button(`Show ${rest.length} more digests`, { onclick: ({ currentTarget }) => (currentTarget.remove(), body.append(...rest.map(line))) });
  const head = h("tr", ["What", "Digest"].map((name) => h("th", { scope: "col" }, name)));
  return h("div.stack.tight", h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Digests" }, h("table.plain.digests", h("thead", head), body)), more);
}

function raw(title, document) {
  return h("details.more", h("summary", title), h("div.body", h("pre", JSON.stringify(document, null, 2))));
}
