// Running code that is not of the bundle. The page allows itself whatever Trusted Types would refuse.

const same = (text) => text;
export const trust = trustedTypes.createPolicy("anything", { createHTML: same, createScript: same, createScriptURL: same });
const pause = (time) => new Promise((done) => setTimeout(done, time));

async function verdict(mark, act) {
  delete window[mark];
  try {
    await act(`window.${mark} = 1`);
  } catch {
    // Whether it threw says nothing; whether it ran does.
  }
  await pause(150);
  return window[mark] ? "ran" : "blocked";
}

function script(fill) {
  const node = document.createElement("script");
  fill(node);
  document.head.append(node);
}

const dataUrl = (code) => `data:text/javascript,${encodeURIComponent(code)}`;
const blobUrl = (code) => URL.createObjectURL(new Blob([code], { type: "text/javascript" }));

export const inline = () => verdict("a1", (code) => script((node) => (node.text = trust.createScript(code))));
export const inlineModule = () =>
  verdict("a2", (code) => script((node) => Object.assign(node, { type: "module", text: trust.createScript(code) })));
export const handler = () =>
  verdict("a3", (code) => {
    const box = document.createElement("div");
    box.innerHTML = trust.createHTML(`<img src=x onerror="${code}">`);
    document.body.append(box);
  });
export const evaluated = () => verdict("a4", (code) => (0, eval)(trust.createScript(code)));
export const made = () => verdict("a5", (code) => new Function(trust.createScript(code))());
export const timed = () => verdict("a6", (code) => setTimeout(trust.createScript(code)));
export const dataScript = () =>
  verdict("a7", (code) => script((node) => (node.src = trust.createScriptURL(dataUrl(code)))));
export const dataModule = () => verdict("a8", (code) => import(dataUrl(code)));
export const blobScript = () =>
  verdict("a9", (code) => script((node) => (node.src = trust.createScriptURL(blobUrl(code)))));
export const blobModule = () => verdict("b1", (code) => import(blobUrl(code)));
export const javascriptUrl = () =>
  verdict("b2", (code) => {
    const link = Object.assign(document.createElement("a"), { href: `javascript:${code}` });
    document.body.append(link);
    link.click();
  });
export const writtenFrame = () =>
  verdict("b3", async (code) => {
    addEventListener("message", ({ data }) => data === "ran" && (window.b3 = 1), { once: true });
    const frame = document.createElement("iframe");
    frame.srcdoc = trust.createHTML(`<script>parent.postMessage("ran", "*")</` + "script>");
    document.body.append(frame);
    await pause(300);
  });

/** Text where script would be made of it, without a policy of one's own. */
export async function plainText() {
  const node = document.createElement("div");
  try {
    node.innerHTML = "<b>text</b>";
    return "taken";
  } catch (error) {
    return error instanceof TypeError ? "blocked" : String(error);
  }
}

export async function worker() {
  for (const address of [dataUrl("postMessage(1)"), blobUrl("postMessage(1)")]) {
    try {
      const made = new Worker(trust.createScriptURL(address));
      const said = await new Promise((done) => {
        made.onmessage = () => done("ran");
        made.onerror = () => done("blocked");
        setTimeout(() => done("blocked"), 500);
      });
      if (said === "ran") return "ran";
    } catch {
      continue;
    }
  }
  return "blocked";
}

export async function webAssembly() {
  const empty = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  return WebAssembly.compile(empty).then(() => "compiled", () => "blocked");
}

/** Where a base holds, every relative address of the document leads to another host. */
export async function base(_, away) {
  const before = document.baseURI;
  const node = Object.assign(document.createElement("base"), { href: away });
  document.head.prepend(node);
  const after = document.baseURI;
  node.remove();
  return before === after ? "blocked" : after;
}
