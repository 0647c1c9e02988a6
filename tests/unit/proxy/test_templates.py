from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.templates import OTHER, Templates

NOTES = Templates(
    (
        "/notes",
        "/notes/{id}",
        "/notes/mine",
        "/notes/{id}:read",
        "/f/{name}.json",
        "/admin/*",
        "/a/{b}/c",
        "/",
    )
)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/notes", "/notes"),
        ("/notes/7", "/notes/{id}"),
        ("/notes/mine", "/notes/mine"),
        ("/notes/7:read", "/notes/{id}"),
        ("/f/x.json", "/f/{name}.json"),
        ("/f/.json", OTHER),
        ("/f/x.xml", OTHER),
        ("/admin", "/admin/*"),
        ("/admin/", "/admin/*"),
        ("/admin/any/thing", "/admin/*"),
        ("/a/1/c", "/a/{b}/c"),
        ("/a/1/d", OTHER),
        ("/notes/a%2Fb", OTHER),
        ("/not%65s", "/notes"),
        ("//notes", "/notes"),
        ("/notes/", OTHER),
        ("/", "/"),
        ("/?", OTHER),
        ("/a" * 4000, OTHER),
    ],
)
def test_a_path_belongs_to_what_was_declared(path: str, template: str) -> None:
    assert NOTES.find(path.encode()) == template


SEGMENT = st.sampled_from(["a", "b", "{x}", "{y}", "a{x}", "*", "", "{", "}", "é"])
TEMPLATE = st.lists(SEGMENT, min_size=1, max_size=20).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(TEMPLATE, max_size=12), st.binary(max_size=60))
def test_whatever_is_declared_and_asked_only_declared_names_come_out(
    declared: list[str], path: bytes
) -> None:
    assert Templates(tuple(declared)).find(b"/" + path) in {*declared, OTHER}


def test_templates_written_to_be_slow_are_not() -> None:
    """Every choice leads on until the last segment, which none has."""
    slow = [f"/{'/'.join('{x}' if number >> at & 1 else 'a' for at in range(6))}/end" for number in range(64)]
    found = Templates(tuple(slow))
    visits = 0
    node = type(found._root)
    before = node.find

    def counted(self: object, parts: list[bytes], at: int) -> str:
        nonlocal visits
        visits += 1
        return before(self, parts, at)  # type: ignore[arg-type]

    node.find = counted  # type: ignore[method-assign]
    try:
        assert found.find(b"/a/a/a/a/a/a/no") == OTHER
    finally:
        node.find = before  # type: ignore[method-assign]
    assert visits <= 128
