// Installing: what it would bring is shown first, and agreed to.

import { api } from "../api.js";
import { h } from "../dom.js";
import { refresh } from "../live.js";
import { navigate } from "../router.js";
import { grade, ratingWords, reasons, tierBadge } from "../trust/words.js";
import { ask, callout, toast } from "../ui.js";
import { grants } from "./words.js";

/** Asks, then installs. `version` is as in the catalog; throws what the gateway refuses. */
export async function install(offer, version) {
  if (version.definition.source === "built-in") {
    const sure = await ask({
      title: `Install ${offer.name} ${version.version}?`,
      extra: [h("div.badges", tierBadge(offer)), grants(version.permissions)],
      accept: "Install",
    });
    if (sure) await settle(await api.install(version.definition));
    return;
  }
  await installDefinition(version.definition);
}

/** What comes from elsewhere is fetched and judged by the gateway before anybody is asked. */
export async function installDefinition(definition) {
  const found = await api.preview(definition);
  if (found.refusal) throw Object.assign(new Error(found.refusal.detail), { hint: found.refusal.hint });
  if (found.consentNeeded && !(await agreed(found))) return false;
  await settle(await api.install(definition, found.consentNeeded ? found.releaseId : ""));
  return true;
}

function agreed(found) {
  const { verified, words } = found.trust;
  const judged = callout(verified ? "info" : "warn", verified ? "lock" : "alert", verified ? "Signed, and trusted here" : "Nobody vouches for it", words);
  return ask({
    title: `Install ${found.name} ${found.version}?`,
    extra: [h("div.badges", tierBadge(found)), judged, grants(found.permissions), rated(found.rating), h("p.small.muted", "Release ", h("code", found.releaseId))],
    accept: "Install",
    wide: true,
  });
}

/** By what it declares: nothing of it has run. */
function rated(rating) {
  const words = h("summary", grade(rating), ` Rating: ${ratingWords(rating)}`);
  return h("details.more", words, h("div.body", reasons(rating)));
}

async function settle(view) {
  toast(`${view.name} is installed and starts now.`, "ok");
  await refresh();
  navigate(`/plugins/${view.id}`);
}

/** Moves an installed plugin to the newer version of an offer; says what that asks for beyond the present. */
export async function update(offer, version, granted) {
  const more = {
    egress: version.permissions.egress.filter((one) => !granted.egress.includes(one)),
    volumes: version.permissions.volumes.filter((one) => !granted.volumes.includes(one)),
    origins: version.permissions.origins.filter((one) => !granted.origins.includes(one)),
  };
  const asks = more.egress.length + more.volumes.length + more.origins.length > 0;
  const sure = await ask({
    title: `Move ${offer.name} to ${version.version}?`,
    text: `From ${offer.installedVersion}, while it is in use. It is taken back by itself where it does worse.`,
    extra: [asks ? grants(more, "It will be granted beyond what it has:") : h("p", "It asks for nothing more than it has.")],
    accept: "Move it",
  });
  if (!sure) return;
  await api.begin(offer.id, { version: version.version, catalogue: offer.catalogue, yes: asks });
  await refresh();
  navigate(`/plugins/${offer.id}/rollouts`);
}
