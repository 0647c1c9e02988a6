from __future__ import annotations

from typing import Any

import pytest

from gateway.contract.templates import MOST_TEMPLATES, route_templates
from gateway.model import Access, Manifest, PluginId, RouteRule


def manifest(openapi: Any, *prefixes: str) -> Manifest:
    rules = tuple(RouteRule(path_prefix=prefix, access=Access.PUBLIC) for prefix in prefixes)
    return Manifest(plugin_id=PluginId("p1"), version="1.0.0", name="P", openapi=openapi, routes=rules)


def test_paths_of_the_document_then_prefixes_of_the_rules() -> None:
    said = manifest({"paths": {"/b": {}, "/a/{id}": {}}}, "/open/", "/b", "/")
    assert route_templates(said) == ("/b", "/a/{id}", "/open/*", "/b/*", "/*")
    assert route_templates(None) == route_templates(manifest(None)) == ()


@pytest.mark.parametrize(
    "paths",
    [["/a"], "x", None, {"a": 1}, {"/" + "x" * 128: {}}, {'/"': {}, "/a\nb": {}, "/ä": {}, "/a\\": {}}],
    ids=["list", "text", "none", "no-slash", "long", "strange"],
)
def test_what_is_no_path_is_no_label(paths: Any) -> None:
    assert route_templates(manifest({"paths": paths})) == ()


def test_a_hostile_document_gives_no_more_than_the_most() -> None:
    many = manifest(
        {"paths": {f"/{number}": {} for number in range(100_000)}}, *(f"/r{n}" for n in range(5000))
    )
    assert len(route_templates(many)) == MOST_TEMPLATES
