"""Releases of the plugin `twin`, whose page and API both tell their version."""

from __future__ import annotations

from pathlib import Path

_CODE = """
import json

from plugway_sdk import DataPolicy, Plugin, serve

VERSION = "{version}"


async def app(scope, receive, send):
    headers = [(b"content-type", b"application/json")]
    await send({{"type": "http.response.start", "status": 200, "headers": headers}})
    await send({{"type": "http.response.body", "body": json.dumps(VERSION).encode()}})


plugin = Plugin(
    id="twin",
    version=VERSION,
    name="Twin",
    description="Says which version it is.",
    app=app,
    ui="ui",
    openapi={openapi},
    data_policy=DataPolicy(one_way_migration={one_way}, explanation="columns were merged"),
)

if __name__ == "__main__":
    serve(plugin)
"""
# Asks all the time; what it is answered by another version than its own is kept for the test.
_PAGE = """
const VERSION = "{version}";

export function mount(root, host) {
  window.host = host;
  window.answers = [];
  const words = document.createElement("p");
  const note = document.createElement("input");
  note.setAttribute("aria-label", "Note");
  root.append(`Page ${VERSION}`, words, note);
  host.onReload(() => host.storage.set("draft", note.value));
  host.storage.get("draft").then((kept) => (note.value = kept ?? ""));
  const ask = async () => {
    const answer = await host.fetch("/version").then((r) => r.json(), (error) => String(error));
    window.answers.push(answer);
    words.textContent = `API ${answer}, ${window.answers.length} answers`;
    setTimeout(ask, 100);
  };
  ask();
  return { unmount: () => root.replaceChildren() };
}
"""


def add_twin(directory: Path, version: str, *paths: str, one_way: bool = False) -> None:
    """Write one release below ``directory``, which is to be in PLUGWAY_PLUGIN_PATH; its API has ``paths``."""
    target = directory / f"twin-{version}"
    (target / "ui").mkdir(parents=True)
    answers = {"200": {"description": "the version"}}
    openapi = {
        "openapi": "3.1.0",
        "info": {"title": "twin", "version": version},
        "paths": {path: {"get": {"responses": answers}} for path in ("/version", *paths)},
    }
    (target / "twin.py").write_text(_CODE.format(version=version, openapi=openapi, one_way=one_way))
    (target / "ui" / "index.js").write_text(_PAGE.replace("{version}", version))
    (target / "plugway.toml").write_text(
        f'id = "twin"\nversion = "{version}"\nname = "Twin"\ndescription = "Says which version it is."\n'
        'uiType = "static"\ncommand = ["{python}", "-m", "twin"]\nimage = "plugway-test/twin"\n'
    )
