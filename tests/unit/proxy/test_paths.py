from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Access, RouteRule
from gateway.proxy.paths import Rules, has_dot_segments, plain


@pytest.mark.parametrize(
    "path", [b"/", b"/a", b"/a.b/c..d", b"/.well-known/x", b"/a%20b", b"/...", b"/x..", b"/%25"]
)
def test_ordinary_paths_have_no_dot_segments(path: bytes) -> None:
    assert not has_dot_segments(path)


@given(st.sampled_from(["..", "."]), st.text(alphabet="ab", max_size=3), st.integers(0, 3))
def test_dot_segments_are_found_however_encoded(dots: str, other: str, times: int) -> None:
    path = f"/{other}/{dots}/x"
    for _ in range(times):
        path = "".join(f"%{ord(char):02x}" if char in "./" else quote(char) for char in path)
        path = path if path.startswith("/") else "/" + path
    assert has_dot_segments(path.encode())


@given(st.binary(max_size=50))
def test_any_path_is_judged(path: bytes) -> None:
    assert has_dot_segments(path) in (True, False)
    assert Rules((RouteRule(path_prefix="/a", access=Access.ADMIN),)).access("GET", path) in Access


def test_the_first_rule_that_matches_counts() -> None:
    rules = Rules(
        (
            RouteRule(path_prefix="/a/b", access=Access.ADMIN),
            RouteRule(path_prefix="/a/", access=Access.PUBLIC, methods=frozenset({"GET"})),
        )
    )
    assert rules.access("GET", b"/a/b/c") is Access.ADMIN
    assert rules.access("GET", b"/a") is Access.PUBLIC
    assert rules.access("POST", b"/a/x") is Access.USER
    assert rules.access("GET", b"/ab") is Access.USER
    assert rules.access("GET", b"/%61/%62") is Access.ADMIN


_SEGMENTS = st.sampled_from(["", "a", "b", "ab", "a%62", "c"])
_PATHS = st.lists(_SEGMENTS, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(
    st.lists(
        st.builds(
            RouteRule,
            path_prefix=_PATHS,
            access=st.sampled_from(Access),
            methods=st.sampled_from([frozenset(), frozenset({"GET"})]),
        ),
        max_size=6,
    ).map(tuple),
    st.sampled_from(["GET", "POST"]),
    _PATHS,
)
def test_sorted_rules_judge_as_the_list_read_from_its_beginning(
    rules: tuple[RouteRule, ...], method: str, path: str
) -> None:
    asked = plain(path.encode())
    expected = Access.USER
    for rule in rules:
        prefix = rule.path_prefix.encode().rstrip(b"/")
        fits = asked == prefix or asked.startswith(prefix + b"/")
        if fits and (not rule.methods or method in rule.methods):
            expected = rule.access
            break
    assert Rules(rules).access(method, path.encode()) is expected
