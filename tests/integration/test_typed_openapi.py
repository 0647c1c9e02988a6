"""What typed calls are really answered, held against the document of the same services."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from gateway.api.openapi.gateway_answers import shared_components
from gateway.api.openapi.unified import fragment_or_reason, unify
from gateway.api.problems import Problem
from gateway.model import Manifest, PluginId
from tests.fakes.data_plane import AUTH, Plane, endpoint
from tests.fakes.proxy_fixtures import client, plane
from tests.fakes.typed_library import BEYOND, LIBRARY, PROTOS, Library, descriptor_set, serve
from tests.fakes.typed_plane import typed_route

__all__ = ["client", "plane"]  # fixtures

NOTES = PluginId("notes")
MEDIA = ("application/json", "application/problem+json")


def document() -> dict[str, Any]:
    manifest = Manifest(
        plugin_id=NOTES, version="1", name="x", services=(LIBRARY, BEYOND), descriptor_set=descriptor_set()
    )
    shared = shared_components()
    components = {**shared, "schemas": {**shared["schemas"], "Problem": Problem.model_json_schema()}}
    return unify({"paths": {}, "components": components}, [(NOTES, fragment_or_reason(NOTES, manifest))])


class Described:
    def __init__(self) -> None:
        self._document = document()
        self._validators: dict[str, Draft202012Validator] = {}
        self._paths = [(_pattern(path), item) for path, item in self._document["paths"].items()]

    def answer(self, method: str, path: str, status: int) -> Any:
        """The answer that the document has for a call; None where it has no such operation."""
        found = [item for pattern, item in self._paths if pattern.fullmatch(path) and method in item]
        if not found:
            return None
        answer = found[0][method]["responses"][str(status)]
        while "$ref" in answer:
            answer = self._document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        return answer

    def check(self, schema: dict[str, Any], value: Any) -> None:
        made = self._validators.get(str(schema))
        if made is None:
            known = {
                "components": self._document["components"],
                "$defs": Problem.model_json_schema()["$defs"],
            }
            made = self._validators[str(schema)] = Draft202012Validator({**schema, **known})
        made.validate(value)


def _pattern(path: str) -> re.Pattern[str]:
    # Variables that may hold several segments are the last of their paths.
    several = re.sub(r"\\\{(?:name|rest)\\\}(?=(?::count)?$)", ".*", re.escape(path))
    return re.compile(re.sub(r"\\\{.*?\\\}", "[^/:]+", several))


@pytest.fixture
async def library(tmp_path: Path, plane: Plane) -> AsyncIterator[Library]:
    library = Library()
    one = endpoint(f"unix:{tmp_path}/p.sock")
    server = await serve(one.address, library)
    plane.publish(await typed_route(plane, one))
    yield library
    await server.stop(None)


async def test_every_answer_of_every_kind_has_its_schema(library: Library, client: httpx.AsyncClient) -> None:
    described = Described()
    held: dict[int, int] = {}
    lines = (PROTOS / "requests.txt").read_text().splitlines()
    for line in [line for line in lines if line and not line.startswith("#")]:
        method, path, *rest = line.split(" ", 2)
        kind, body = "application/json", rest[0] if rest else None
        if body and body.startswith("@"):
            kind, body = body[1:].split(" ", 1)
        url = client.base_url.copy_with(raw_path=f"/plugins/notes/api{path}".encode())
        headers = {"accept": "application/json", "content-type": kind, **AUTH}
        answer = await client.send(
            httpx.Request(method, url, content=body.encode() if body is not None else None, headers=headers)
        )
        if answer.headers.get("x-unbound") or method in ("HEAD", "REPORT"):
            continue
        place = f"/plugins/notes/api{path.partition('?')[0]}"
        found = described.answer(method.lower(), place, answer.status_code)
        if found is None:
            continue
        media = answer.headers["content-type"]
        if media in MEDIA and "*/*" not in found["content"]:
            described.check(found["content"][media]["schema"], answer.json())
        held[answer.status_code] = held.get(answer.status_code, 0) + 1
    # Most calls are of the kinds that the document has; the rest are spelt in ways that it has not.
    assert held[200] > 120, held
    assert held[400] > 60, held
    assert {404, 429, 500, 503} <= set(held), held
