"""Which modules can stand in a document, and what is handed over of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.packing.script import TAKE, NotPackable, pack_module


def handed(module: str) -> str:
    """What the last line hands over; the rest has to be the module as it was."""
    text, _, last = pack_module(module.encode()).rpartition("\n;typeof ")
    assert text == module
    found = re.fullmatch(rf'{TAKE} === "function" && {TAKE}\(\{{ __proto__: null, (.*) \}}\);\n', last)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("export function mount() {}", '"mount": mount'),
        ("export async function mount() {} // end", '"mount": mount'),
        ("const a = 1, b = 2;\nexport { a as mount, b as default, a as other };", '"mount": a, "default": b'),
        ('const a = 1;\nexport { a as "mount" };', '"mount": a'),
        ("export const mount = () => {}, React = {};", '"mount": mount, "React": React'),
        (
            "export const { a: mount, b: [React, ...ReactDOM], createRoot = 1, ...createElement } = x;",
            '"mount": mount, "React": React, "ReactDOM": ReactDOM, "createElement": createElement, '
            '"createRoot": createRoot',
        ),
        ("export default function Panel() {}", '"default": Panel'),
        ("export default class Panel {}", '"default": Panel'),
        ("class Panel {}\nexport default Panel", '"default": Panel'),
        ("export class mount {}", '"mount": mount'),
        ("const a = {}; export { a as __proto__, a as constructor };", ""),
        ("const x = async () => { await 1; for await (const y of z) {} }; new.target;", ""),
        ('const text = "import(1)", more = `import.meta`; // import x from "y"', ""),
        ("#!/usr/bin/env node\nexport const mount = 1;", '"mount": mount'),
        ("", ""),
    ],
)
def test_the_exports_of_an_entry_are_handed_over_by_their_own_names(module: str, names: str) -> None:
    assert handed(module) == names


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ('import x from "./x.js";', "imports other modules"),
        ('import "./x.js";', "imports other modules"),
        ('const x = () => import("./x.js");', "imports other modules"),
        ("const x = import /* later */ ('./x.js');", "imports other modules"),
        ('export * from "./x.js";', "exports from other modules"),
        ('export { mount } from "./x.js";', "exports from other modules"),
        ("const here = import.meta.url;", "import.meta"),
        ("await 1;", "await"),
        ("for await (const x of y) {}", "await"),
        ("if (a) { await b(); }", "await"),
        ("export default () => {};", "no name"),
        ("export default function () {}", "no name"),
        ("export default { mount() {} };", "no name"),
        ("function (", "could not be parsed"),
        ("const x = y`</script>`;", "markup"),
        ("const x = a<!--b;", "markup"),
        ("const x = /(?<!--)y/;", "markup"),
        (r'const x = "\</script>";', "markup"),
        ("const x = '\0';", "NUL"),
        (f"const x = {TAKE};", "the name"),
    ],
)
def test_what_means_something_only_in_a_file_of_its_own_stays_there(module: str, reason: str) -> None:
    with pytest.raises(NotPackable, match=re.escape(reason)):
        pack_module(module.encode())


def test_text_of_another_encoding_stays_a_file() -> None:
    with pytest.raises(NotPackable, match="UTF-8"):
        pack_module("const x = 'é';".encode("latin-1"))


def test_what_a_document_would_change_is_changed_before_it_is_hashed() -> None:
    text = pack_module(b"\xef\xbb\xbfconst a = `x\r\ny\rz`;\r\n")
    assert text.startswith("const a = `x\ny\nz`;\n\n;")


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ('const x = "</script>";', r'const x = "\x3c/script>";'),
        ("const x = `<!-- <script> </SCRIPT >`;", r"const x = `\x3c!-- <script> \x3c/SCRIPT >`;"),
        ("f(`</script`);", r"f(`\x3c/script`);"),
        ("/* </script> */ // <!--", r"/* \x3c/script> */ // \x3c!--"),
        ('const é = "</script>";', r'const é = "\x3c/script>";'),
    ],
)
def test_what_would_end_the_element_is_written_otherwise(module: str, text: str) -> None:
    assert pack_module(module.encode()).startswith(text + "\n;")


_WORDS = st.sampled_from(
    [
        *("</script", "</SCRIPT>", "<!--", "-->", "<script", "'", '"', "`", "${", "}", "/", "//", "/*", "*/"),
        *("\\", "\n", "\r", "\0", "a", "=", "(", ")", "export ", "{", "default ", "mount", "import", ".meta"),
    ]
)


@given(st.lists(_WORDS, max_size=30).map("".join))
def test_no_text_leaves_its_element(module: str) -> None:
    try:
        text = pack_module(module.encode())
    except NotPackable:
        return
    assert not re.search("</script|<!--|[\r\0]", text, re.IGNORECASE)
