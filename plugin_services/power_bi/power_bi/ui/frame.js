// A report in a frame, by the messages that Microsoft's powerbi-client exchanges with the page of a report.
//
// That page stands in this page's sandbox, and neither has an origin. So messages cannot name whom they are for, and go
// to the frame's window, which the policy lets show pages of the granted host only; and the libraries there cannot
// answer, as they send answers to the asking page's origin. What became of a message is told by events.

import { fill, h } from "./kit/dom.js";
import { failure, loading, retrying } from "./kit/parts.js";

const EMBED = 1; // models.TokenType.Embed
const READ = 0; // models.Permissions.Read
const PATIENCE = 45_000; // ms for the page of the report to say that it shows it
const EARLY = 300; // seconds before its end that a token is replaced
const LEAST = 5; // seconds between two tokens, whatever the service says

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

function show(page, place, state, { reportId, name, embedUrl, token, seconds }, failed) {
  const uid = crypto.randomUUID();
  const url = new URL(embedUrl);
  url.searchParams.set("uid", uid);
  const frame = h("iframe", { title: `Report ${name}`, src: url.href, referrerpolicy: "no-referrer" });
  let late;
  let timer;

  const post = (message) => frame.contentWindow?.postMessage(message, "*");
  const tell = (path, body) => post({ method: "POST", url: path, headers: { id: crypto.randomUUID(), uid, sdkSessionId: uid, "x-sdk-type": "js", "x-sdk-version": "2.24.1" }, body });

  function heard({ source, data }) {
    if (source !== frame.contentWindow || typeof data !== "object" || data === null) return;
    const [, event] = /\/events\/(\w+)$/.exec(String(data.url ?? "")) ?? [];
    if (!event) return;
    post({ statusCode: 202, headers: { id: data.headers?.id }, body: null });
    if (event === "loaded" || event === "rendered" || event === "error") clearTimeout(late);
    if (event === "loaded" || event === "rendered") fill(state);
    if (event === "error") failed({ message: `The report says: ${data.body?.detailedMessage ?? data.body?.message ?? "something went wrong"}`, hint: "Open the report in Power BI, or load it again." });
  }

  function blocked({ effectiveDirective, blockedURI }) {
    if (effectiveDirective !== "frame-src") return;
    failed({ message: `Reports of ${blockedURI} may not be shown here.`, hint: "This plugin was granted frames of https://app.powerbi.com only. Open the report in Power BI." });
    leave();
  }

  function renew(left) {
    if (left === null) return;
    const pause = Math.max(left > 2 * EARLY ? left - EARLY : left / 2, LEAST);
    timer = setTimeout(async () => {
      try {
        const next = await page.api.post(`/embed/${page.workspace}/${reportId}`);
        tell("/report/token", next.token);
        renew(next.seconds);
      } catch (error) {
        failed({ message: `The report will stop: ${error.message}`, hint: error.hint || "Load it again." });
      }
    }, pause * 1000);
  }

  function load() {
    fill(state, loading("Power BI loads the report…"));
    tell("/report/load", {
      type: "report", id: reportId, uniqueId: uid, embedUrl, accessToken: token, tokenType: EMBED, permissions: READ,
      settings: { panes: { filters: { visible: true }, pageNavigation: { visible: true } } },
    });
    clearTimeout(late);
    late = setTimeout(() => failed({ message: "The page of the report did not answer.", hint: "Open the report in Power BI, or load it again." }), PATIENCE);
  }

  function leave() {
    clearTimeout(timer);
    clearTimeout(late);
    removeEventListener("message", heard);
    document.removeEventListener("securitypolicyviolation", blocked);
    frame.remove();
  }

  addEventListener("message", heard);
  document.addEventListener("securitypolicyviolation", blocked);
  frame.addEventListener("load", load);
  fill(place, frame);
  renew(seconds);
  return { leave };
}
