"""A page as a React component, and what the ordinary npm tools make of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.parts import need_npm_packages

_PACKAGE = {"private": True, "dependencies": {"react": "19", "react-dom": "19", "esbuild": "0.28"}}
_PANEL = """
import { useState } from "react";
export default function Panel({ host, theme, path }) {
  const [count, setCount] = useState(0);
  const [said, setSaid] = useState("");
  const ask = async () => setSaid((await (await host.fetch("/hello?x=1")).json()).path);
  return (
    <main>
      <h1>{host.plugin} {theme}</h1>
      <button onClick={() => setCount(count + 1)}>clicked {count}</button>
      <button onClick={ask}>ask</button>
      <button onClick={() => host.navigate("/items/8")}>go on</button>
      <p id="said">{said}</p>
      <p id="path">{path}</p>
    </main>
  );
}
"""
_LATER = """
import { createElement } from "react";
export default ({ count }) => createElement("p", { id: "later" }, `later ${count}`);
"""
OWN_REACT = {
    "functions": """
export { createElement } from "react";
export { createRoot } from "react-dom/client";
""",
    "namespaces": """
import * as React from "react";
import * as ReactDOM from "react-dom/client";
export { React, ReactDOM };
""",
    "none": "",
}
"""How a module brings its own React."""


def build_panel(kind: str, place: Path) -> bytes:
    """The module that esbuild makes of it; ``kind`` is one of :data:`OWN_REACT`."""
    source = place / "panel.jsx"
    source.write_text(OWN_REACT[kind] + _PANEL)
    return _esbuild(source)


def build_split_panel(place: Path) -> dict[str, str]:
    """The panel with a part that it loads later, as esbuild divides it; the entry is ``page.js``."""
    panel = _PANEL.replace("useState }", "lazy, Suspense, useState }").replace(
        "</main>", "{count > 0 && <Suspense><Later count={count} /></Suspense>}</main>"
    )
    source = place / "page.jsx"
    source.write_text(OWN_REACT["functions"] + panel + 'const Later = lazy(() => import("./later.jsx"));\n')
    (place / "later.jsx").write_text(_LATER)
    _esbuild(source, "--splitting", f"--outdir={place / 'dist'}")
    return {path.name: path.read_text() for path in (place / "dist").iterdir()}


def _esbuild(source: Path, *more: str) -> bytes:
    modules = need_npm_packages("react", _PACKAGE)
    command = [
        str(modules / ".bin" / "esbuild"), str(source), "--bundle", "--format=esm", "--minify",
        "--jsx=automatic", '--define:process.env.NODE_ENV="production"', *more,
    ]  # fmt: skip
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "NODE_PATH": str(modules)}
    built = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    return built.stdout
