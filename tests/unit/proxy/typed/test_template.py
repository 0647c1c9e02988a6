"""Path templates, and the tree that finds the one for a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.typed.match import TakenTwice, Tree, values
from gateway.proxy.typed.template import BadTemplate, Variable, Wildcard, parse

ONE, REST = Wildcard.ONE, Wildcard.REST


def test_a_template_is_taken_apart() -> None:
    found = parse("/v1/{name=shelves/*/books/**}:archive")
    assert found.segments == ("v1", "shelves", ONE, "books", REST)
    assert found.variables == (Variable(("name",), 1, None, True),)
    assert found.verb == "archive"
    assert parse("/a/{b.c}/*").variables == (Variable(("b", "c"), 1, 2, False),)
    assert parse("/v1/books:purge").verb == "purge"


@pytest.mark.parametrize(
    "text",
    ["", "v1", "/{", "/}", "/{a", "/{}", "/{a={b}}", "/**/a", "/{a=**}/b", "/{a}/{a}", "/a b", "/{1a}", "//a",
     "/{a=}b", "/a?b"],
    ids=repr,
)  # fmt: skip
def test_what_follows_no_grammar_is_refused(text: str) -> None:
    with pytest.raises(BadTemplate):
        parse(text)


@given(st.text(alphabet="/{}*=:.ab1%_", max_size=30))
def test_any_text_is_a_template_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except BadTemplate:
        return
    assert REST not in found.segments[:-1]
    for variable in found.variables:
        assert 0 <= variable.start < len(found.segments)


def tree(*texts: str) -> Tree[str]:
    made: Tree[str] = Tree()
    for text in texts:
        made.add("GET", parse(text), text)
    return made


def test_literals_go_before_wildcards() -> None:
    made = tree("/a/{x}", "/a/b", "/{x=**}", "/a/{x}/c", "/a/b/{x=**}")
    for path, text in {
        b"/a/b": "/a/b",
        b"/a/z": "/a/{x}",
        b"/a/b/c": "/a/b/{x=**}",
        b"/a/z/c": "/a/{x}/c",
        b"/z": "/{x=**}",
        b"/": "/{x=**}",
        b"/a/z/d": "/{x=**}",
    }.items():
        found = made.find("GET", path)
        assert found is not None
        assert found[0] == text
        assert made.find("POST", path) is None


def test_a_path_is_bound_once() -> None:
    made = tree("/a/{x}")
    with pytest.raises(TakenTwice):
        made.add("GET", parse("/a/{y}"), "again")
    made.add("PUT", parse("/a/{y}"), "another method")


SEGMENT = st.text(alphabet="ab%/ ~é:", min_size=1, max_size=6)


@given(st.lists(SEGMENT, min_size=1, max_size=4))
def test_single_segments_come_out_as_they_were_encoded(names: list[str]) -> None:
    from urllib.parse import quote

    path = "/v1/" + "/".join(quote(name, safe="") for name in names)
    template = "/v1/" + "/".join(f"{{x{index}}}" for index in range(len(names)))
    found = tree(template).find("GET", path.encode())
    assert found is not None
    assert [value.decode() for value in values(found[1], found[2])] == names


@given(st.binary(max_size=60))
def test_no_path_breaks_the_search(path: bytes) -> None:
    found = tree("/a/{x=**}:go", "/{y}/b", "/*/{z}/c").find("GET", b"/" + path)
    if found is not None:
        values(found[1], found[2])
