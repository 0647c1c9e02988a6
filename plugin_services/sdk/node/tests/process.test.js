// serve() as a process: what it prints, and how it ends.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const SDK = JSON.stringify(new URL("../lib/index.js", import.meta.url).href);

async function run(t, code, { listen, signal } = {}) {
  const directory = await mkdtemp(join(tmpdir(), "serve-"));
  t.after(() => rm(directory, { recursive: true }));
  const source = `import { Plugin, serve } from ${SDK}; const plugin = new Plugin({ id: "told", version: "1.0.0" }); ${code}`;
  const env = { PATH: process.env.PATH, PLUGWAY_LISTEN: listen ?? `unix:${directory}/s` };
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { cwd: directory, env });
  let out = "";
  child.stdout.on("data", (part) => {
    out += part;
    if (signal && out.includes("serves on")) child.kill(signal);
  });
  let err = "";
  child.stderr.on("data", (part) => (err += part));
  const [status] = await once(child, "close");
  assert.equal(err, "");
  return { status, lines: out.trim().split("\n").map((line) => JSON.parse(line)) };
}

test("all that is printed is JSON, and SIGTERM is an orderly end", async (t) => {
  const code = `const over = serve(plugin); console.log("two\\nlines"); console.error("%s", "bad"); process.emitWarning("odd"); await over;`;
  const { status, lines } = await run(t, code, { signal: "SIGTERM" });
  assert.equal(status, 0);
  const told = lines.map(({ level, message }) => `${level} ${message}`);
  for (const line of ["info two", "info lines", "warning bad", "warning Warning: odd", "info stopping"]) {
    assert(told.includes(line), `${line} is not among ${told.join("; ")}`);
  }
  assert(lines.every(({ at, logger }) => !Number.isNaN(Date.parse(at)) && logger));
});

test("an error that nobody catches is told, and ends the process", async (t) => {
  const { status, lines } = await run(t, `setTimeout(() => { throw new Error("lost"); }, 300); await serve(plugin);`);
  assert.equal(status, 1);
  assert.equal(lines.at(-1).level, "critical");
  assert.match(lines.at(-1).error, /^Error: lost\n/);
});

test("where it cannot listen it says so and exits with 1", async (t) => {
  const taken = net.createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  for (const listen of [`tcp:127.0.0.1:${taken.address().port}`, "nonsense"]) {
    const { status, lines } = await run(t, "await serve(plugin);", { listen });
    assert.equal(status, 1);
    assert.match(lines.at(-1).message, /^told 1\.0\.0 ends: /);
  }
});
