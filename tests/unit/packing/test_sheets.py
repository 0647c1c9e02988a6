"""Which style sheets can stand in a document, with what they name."""

from __future__ import annotations

import base64

import pytest

from gateway.packing.sheets import EMBEDDED, Stays, inline_sheet

FILES = {"img/dot.svg": b"<svg/>", "css/a b.woff2": b"font", "big.png": bytes(EMBEDDED + 1)}


def inlined(text: str, path: str = "css/page.css") -> str:
    return inline_sheet(text.encode(), path, FILES.get)


def data(kind: str, name: str, fragment: str = "") -> str:
    return f'url("data:{kind};base64,{base64.b64encode(FILES[name]).decode()}{fragment}")'


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a { color: red }", "a { color: red }"),
        ("a{b:url(../img/dot.svg)}", f"a{{b:{data('image/svg+xml', 'img/dot.svg')}}}"),
        ("a{b:URL( '../img/./dot.svg?v=1#x' )}", f"a{{b:{data('image/svg+xml', 'img/dot.svg', '#x')}}}"),
        ('a{b:url("a%20b.woff2")}', f"a{{b:{data('font/woff2', 'css/a b.woff2')}}}"),
        ("a{b:url(data:image/png;base64,AA==)}", "a{b:url(data:image/png;base64,AA==)}"),
        ("a{b:url(#clip)}", "a{b:url(#clip)}"),
        ("a{b:url(https://tiles.example/1.png)}", "a{b:url(https://tiles.example/1.png)}"),
        ("\ufeffa{\r\nb:c}", "a{\nb:c}"),
        ('@charset "utf-8"; a{}', '@charset "utf-8"; a{}'),
    ],
)
def test_files_of_the_bundle_go_with_the_sheet(text: str, made: str) -> None:
    assert inlined(text) == made


@pytest.mark.parametrize(
    "text",
    [
        '@import "more.css";',
        "a{b:image-set('x.png' 1x)}",
        "a{b:url(missing.png)}",
        "a{b:url(../big.png)}",
        "a{b:url(/logo.png)}",
        "a{b:url(../../img/dot.svg)}",
        r"a{b:url(x\29.png)}",
        'a{b:url("x',
        "a{content:'</style><script>alert(1)</script>'}",
        "a{b:'</STYLE x'}",
        "a\0{}",
        '@charset "latin-1"; a{}',
    ],
)
def test_what_means_something_only_in_its_own_place_stays_there(text: str) -> None:
    with pytest.raises(Stays):
        inlined(text)


def test_another_encoding_stays_a_file() -> None:
    with pytest.raises(Stays):
        inline_sheet(b"a{content:'\xe9'}", "a.css", FILES.get)
