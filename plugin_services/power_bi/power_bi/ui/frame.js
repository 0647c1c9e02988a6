// A report in a frame, by the messages that Microsoft's powerbi-client exchanges with the page of a report.
//
// That page stands in this page's sandbox, without an origin of its own, so messages cannot name whom they are
// for: they go to the frame's window. The policy lets that window show pages of the granted host only.

import { fill, h } from "./kit/dom.js";
import { failure, loading, retrying } from "./kit/parts.js";

const EMBED = 1; // models.TokenType.Embed
const READ = 0; // models.Permissions.Read
const PATIENCE = 45_000; // ms for the page of the report to take the token
const EARLY = 5 * 60_000; // ms before its end that a token is replaced
const SOON = 10_000;

/** Shows the report; `leave()` takes it away and stops renewing its token. */
export function reportFrame(page, report) {
  const state = h("div", { class: "frame-state", role: "status" }, loading("Asking for the report…"));
  const place = h("div", { class: "report-place" });
  const element = h("div", { class: "report" }, state, place);
  let shown = null;
  const failed = (error, again) => fill(state, again ? retrying(error, again) : failure(error));

  async function start() {
    shown?.leave();
    fill(state, loading("Asking for the report…"));
    try {
      const embedding = await page.api.post(`/embed/${page.workspace}/${report.id}`);
      if (!element.left) shown = show(page, place, state, embedding, failed);
    } catch (error) {
      failed(error, start);
    }
  }

  start();
  return {
    element,
    leave: () => {
      element.left = true;
      shown?.leave();
      fill(place);
    },
  };
}

function show(page, place, state, { reportId, name, embedUrl, token, expires }, failed) {
  const uid = crypto.randomUUID();
  const url = new URL(embedUrl);
  url.searchParams.set("uid", uid);
  const frame = h("iframe", { title: `Report ${name}`, src: url.href, referrerpolicy: "no-referrer" });
  const waiting = new Map();
  let timer;

  const post = (message) => frame.contentWindow?.postMessage(message, "*");

  function ask(path, body) {
    const id = crypto.randomUUID();
    const headers = { id, uid, sdkSessionId: uid, "x-sdk-type": "js", "x-sdk-version": "2.23.1" };
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => (waiting.delete(id), reject(new Error("The page of the report did not answer."))), PATIENCE);
      waiting.set(id, (answer) => {
        clearTimeout(late);
        if (answer.statusCode >= 200 && answer.statusCode < 300) resolve(answer.body);
        else reject(new Error(answer.body?.detailedMessage ?? answer.body?.message ?? "The page of the report refused."));
      });
      post({ method: "POST", url: path, headers, body });
    });
  }

  function heard({ source, data }) {
    if (source !== frame.contentWindow || typeof data !== "object" || data === null) return;
    const id = data.headers?.id;
    if (waiting.has(id)) {
      const take = waiting.get(id);
      waiting.delete(id);
      return take(data);
    }
    const [, event] = /\/events\/(\w+)$/.exec(String(data.url ?? "")) ?? [];
    if (!event) return;
    post({ statusCode: 202, headers: { id }, body: null });
    if (event === "loaded" || event === "rendered") fill(state);
    if (event === "error") failed({ message: `The report says: ${data.body?.detailedMessage ?? data.body?.message ?? "something went wrong"}`, hint: "" });
  }

  function blocked({ effectiveDirective, blockedURI }) {
    if (effectiveDirective !== "frame-src") return;
    failed({ message: `Reports of ${blockedURI} may not be shown here.`, hint: "This plugin was granted frames of https://app.powerbi.com only. Open the report in Power BI." });
    leave();
  }

  function renew(end) {
    const left = new Date(end) - Date.now();
    if (!(left > 0)) return;
    timer = setTimeout(async () => {
      try {
        const next = await page.api.post(`/embed/${page.workspace}/${reportId}`);
        await ask("/report/token", next.token);
        renew(next.expires);
      } catch (error) {
        failed({ message: `The report will stop: ${error.message}`, hint: error.hint || "Load it again." });
      }
    }, Math.max(left - EARLY, Math.min(left / 2, SOON)));
  }

  async function load() {
    fill(state, loading("Power BI loads the report…"));
    try {
      await ask("/report/load", {
        type: "report", id: reportId, uniqueId: uid, embedUrl, accessToken: token, tokenType: EMBED, permissions: READ,
        settings: { panes: { filters: { visible: true }, pageNavigation: { visible: true } } },
      });
      renew(expires);
    } catch (error) {
      failed({ message: error.message, hint: "Open the report in Power BI, or load it again." });
    }
  }

  function leave() {
    clearTimeout(timer);
    removeEventListener("message", heard);
    document.removeEventListener("securitypolicyviolation", blocked);
    frame.remove();
  }

  addEventListener("message", heard);
  document.addEventListener("securitypolicyviolation", blocked);
  frame.addEventListener("load", load);
  fill(place, frame);
  return { leave };
}
