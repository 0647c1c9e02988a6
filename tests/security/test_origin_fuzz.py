"""Origins that a stranger's manifest names: none that passes says more in a policy than its one host."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model import UiType
from gateway.page_origins import DIRECTIVES, BadOrigin, check_origin, check_page_origin, sources
from gateway.proxy.frame import frame_document
from gateway.ui_bundles import UiBundle

PIECES = (
    *("https://", "http://", "wss://", "//", "a", "z9", "xn--e1afmkfd", ".", "..", "-", "*", ":", ":443"),
    *(":0", ":8443", ":65536", "/", "\\", "@", "?", "#", ";", ",", " ", "\t", "\n", "\r", "\0", "'none'"),
    *("*.", "%2e", "127.0.0.1", "0x7f.1", "[::1]", "1", "localhost", "example", "EXAMPLE"),
    *("\u0430", "\u3002", "\uff0e", "\u200d"),
)  # fmt: skip
spliced = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join)
label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
hosts = st.builds(lambda parts, top: ".".join((*parts, top)), st.lists(label, min_size=1, max_size=4),
                  st.sampled_from(["example", "org", "xn--p1ai"]))  # fmt: skip
ports = st.sampled_from([""]) | st.integers(1, 65535).filter(lambda n: n != 443).map(lambda n: f":{n}")
good = st.builds(lambda host, port: f"https://{host}{port}", hosts, ports)


def bent(origin: str, at: int, put: str) -> str:
    at %= len(origin) + 1
    return origin[:at] + put + origin[at:]


@given(good)
def test_what_the_grammar_names_passes(origin: str) -> None:
    assert check_origin(origin) == origin


@given(spliced.map(lambda text: f"https://{text}") | spliced | st.builds(bent, good, st.integers(0), spliced))
@example("https://a.example\n")
@example("https://a.example:443")
@example("https://a.example:08")
@example("https://127.0.0.1")
@example("https://1.2")
@example("https://a.0x7f")
@example("https://a.localhost")
@example("https://user@a.example")
def test_what_passes_is_one_exact_https_host(text: str) -> None:
    try:
        check_origin(text)
    except BadOrigin:
        return
    parts = urlsplit(text)
    assert (parts.scheme, parts.path, parts.query, parts.fragment) == ("https", "", "", "")
    assert parts.username is None
    assert parts.hostname
    assert "." in parts.hostname
    assert text == f"https://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    assert parts.port != 443
    assert re.fullmatch(r"[a-z0-9.-]+", parts.hostname)
    assert parts.hostname.rpartition(".")[2] not in ("localhost", "local", "internal")
    with pytest.raises(ValueError, match="does not appear to be"):
        ipaddress.ip_address(parts.hostname)


@given(
    spliced
    | st.builds(lambda name, text: f"{name} {text}", st.sampled_from([*DIRECTIVES, "script-src"]), spliced)
)
def test_no_text_leads_to_another_directive(text: str) -> None:
    try:
        check_page_origin(text)
    except BadOrigin:
        with pytest.raises(BadOrigin):
            sources([text], "img-src")
        return
    directive, origin = text.split(" ")
    assert directive in DIRECTIVES
    assert sources([text], directive) == f" {origin}"
    assert [sources([text], other) for other in DIRECTIVES if other != directive] == [""]


@given(st.lists(st.tuples(st.sampled_from(DIRECTIVES), good).map(" ".join), max_size=6))
def test_the_policy_has_these_sources_and_is_otherwise_what_it_was(origins: list[str]) -> None:
    before, after = policy(()), policy(origins)
    for directive, said in after.items():
        more = [origin for name, origin in sorted(text.split(" ") for text in origins) if name == directive]
        assert said == before[directive] + more


def policy(origins: tuple[str, ...] | list[str]) -> dict[str, list[str]]:
    ui = UiBundle(digest="d" * 64, type=UiType.STATIC, entry="index.js", files={"index.js": "aa" * 32})
    _, headers = frame_document(
        plugin_id="notes", name="Notes", ui=ui, asset_base="/plugins/notes/ui/~0123", origin="https://here.example",
        page_origins=origins,
    )  # fmt: skip
    said, _ = (value.decode() for name, value in headers if name == b"content-security-policy")
    return {part.split(" ")[0]: part.split(" ")[1:] for part in said.split("; ")}
