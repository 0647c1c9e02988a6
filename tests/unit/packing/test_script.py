"""Which modules can stand in a document, and what is handed over of them."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.packing.script import LARGEST, MOST, NAME, TAKE, NotPackable, pack, pack_module, pack_modules


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


def linked(modules: dict[str, str], entry: str = "page.js") -> dict[str, str]:
    """The texts without their last lines."""
    files = {path: text.encode() for path, text in modules.items()}
    texts = {}
    for path, text in pack_modules(entry, files.get).items():
        texts[path], _, last = text.rpartition("\n//# sourceURL=")
        assert last == f"{NAME}{quote(path)}\n"
    return texts


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ('import "./a.js";', 'import "N/a.js";'),
        ("import{a}from'./a.js'", 'import{a}from"N/a.js"'),
        ('import a, * as b from "././x/../a.js";', 'import a, * as b from "N/a.js";'),
        ('é; export * as é from "./a.js"', 'é; export * as é from "N/a.js"'),
        ("f(() => import(/* later */ `./a.js`, ))", 'f(() => import(/* later */ "N/a.js", ))'),
        ("import('./\"b c\".mjs')", r'import("N/\"b c\".mjs")'),
        ('import "./page.js"; await 1;', 'import "N/page.js"; await 1;'),
        ("export default () => {}", "export default () => {}"),
        ('"import(1)"; /* import "./x.js" */ new.target; y`</script>`',) * 2,
    ],
)  # fmt: skip
def test_modules_import_each_other_by_name(module: str, text: str) -> None:
    modules = {"page.js": module, "a.js": "export {};", '"b c".mjs': "1", "unused.js": "function ("}
    assert linked(modules)["page.js"] == text.replace("N/", NAME)


def test_what_an_entry_leads_to_comes_along_and_nothing_else() -> None:
    modules = {
        "dist/page.js": 'import "./b/c.js"; export const page = 1;',
        "dist/b/c.js": 'import { page } from "../page.js"; import("../../d.js");',
        "d.js": "export default 1;",
        "other.js": 'import "missing";',
    }
    texts = linked(modules, "dist/page.js")
    assert set(texts) == {"dist/page.js", "dist/b/c.js", "d.js"}
    assert texts["dist/b/c.js"] == f'import {{ page }} from "{NAME}dist/page.js"; import("{NAME}d.js");'


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ('import "./b.js";', "b.js, which is no module of the bundle"),
        ('import "../a.js";', "../a.js, which is no module of the bundle"),
        ('import "a";', "'a', which is not relative"),
        ('import "/a.js";', "not relative"),
        ('import "https://a.example/a.js";', "not relative"),
        ('import "./a.js?x";', "not relative"),
        ('import "./%61.js";', "not relative"),
        (r'import "./\x61.js";', "computes"),
        ("import(name);", "computes"),
        ("import(`./${name}.js`);", "computes"),
        ('import("./a" + ".js");', "computes"),
        ('import("./a.js", { with: { type: "json" } });', "could not be read"),
        ("import();", "could not be "),
        ("import.meta.url;", "import.meta"),
        ("function (", "could not be parsed"),
        ('import "./bad.js";', "it uses import.meta (bad.js)"),
        ("".join(f'import "./m{n}.js";' for n in range(MOST)), f"or {MOST} modules"),
        ('import "./large.js"', "larger than 4 MiB"),
    ],
)
def test_what_is_not_understood_keeps_all_of_them_files(module: str, reason: str) -> None:
    files = {
        "page.js": module.encode(),
        "a.js": b"",
        "bad.js": b"import.meta",
        "large.js": bytes(LARGEST),
        **{f"m{n}.js": b"" for n in range(MOST)},
    }
    with pytest.raises(NotPackable, match=re.escape(reason)):
        pack_modules("page.js", files.get)


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (b"export function mount() {}", "text"),
        (b'import "./a.js"', "modules"),
        (b"export default () => {}", "modules"),
        (b"await 1", "modules"),
    ],
)
def test_one_module_stands_in_the_document_where_it_can(page: bytes, kind: str) -> None:
    assert list(pack("page.js", {"page.js": page, "a.js": b""}.get)) == [kind]


_PATHS = ("page.js", "a.js", "dir/b.mjs", "dir/deep/c d.js")
_FORMS = (
    'import "{}";\n',
    "import {{ x as y }} from '{}';\n",
    'export * from "{}"\n',
    "const z = `${{import(`{}`)}}`;\n",
    "/* import '{}' */ '<é>';\n",
)


_LINES = st.lists(st.tuples(st.sampled_from(_FORMS), st.sampled_from(_PATHS)), max_size=5)


@given(st.fixed_dictionaries(dict.fromkeys(_PATHS, _LINES)))
def test_nothing_but_the_names_is_changed(lines: dict[str, list[tuple[str, str]]]) -> None:
    def text(path: str, named: str) -> str:
        place = posixpath.dirname(path) or "."
        return "".join(
            form.format(
                named + leads if named and "/*" not in form else "./" + posixpath.relpath(leads, place)
            )
            for form, leads in lines[path]
        )

    def alike(said: str) -> str:
        return re.sub("[\"'`]", "'", said)

    texts = linked({path: text(path, "") for path in _PATHS})
    for path, made in texts.items():
        assert alike(made) == alike(text(path, NAME))
        assert {leads for form, leads in lines[path] if "/*" not in form} <= set(texts)


_MORE_WORDS = st.one_of(_WORDS, st.sampled_from(["import(", "'./a.js'", " from ", "* "]))


@given(st.lists(_MORE_WORDS, max_size=30).map("".join))
def test_any_text_is_understood_or_left(module: str) -> None:
    try:
        texts = pack_modules("page.js", {"page.js": module.encode(), "a.js": b""}.get)
    except NotPackable:
        return
    assert texts["page.js"].replace(f'"{NAME}a.js"', "'./a.js'").startswith(module)
