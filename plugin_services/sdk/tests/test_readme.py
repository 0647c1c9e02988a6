"""The README's plugin is a plugin."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from plugway_sdk.testing import harness, plugin_process

README = (Path(__file__).parent.parent / "README.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


async def test_the_plugin_in_twenty_lines_greets() -> None:
    code = block("python")
    assert len([line for line in code.splitlines() if line]) <= 20
    names: dict[str, Any] = {"__name__": "hello"}
    exec(compile(code, "hello.py", "exec", dont_inherit=True), names)
    async with harness(names["plugin"], settings={"greeting": "Hi", "password": "hunter2"}) as client:
        assert (await client.get("/greet")).json() == "Hi, ann!"


async def test_its_definition_starts_it(tmp_path: Path) -> None:
    definition = tomllib.loads(block("toml"))
    (tmp_path / "hello.py").write_text(block("python"))
    _, *arguments = definition["command"]
    async with (
        plugin_process(*arguments, directory=tmp_path, path=[tmp_path]) as plugin,
        plugin.client() as client,
    ):
        manifest = (await client.describe()).manifest
        assert (manifest.id, manifest.version) == (definition["id"], definition["version"])
        assert await plugin.end() == 0
