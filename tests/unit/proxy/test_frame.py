"""The frame's document and policy, read as a browser would."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

import pytest

from gateway.model import UiType
from gateway.packing.script import MOST
from gateway.proxy.frame import frame_document
from gateway.ui_bundles import PackedUi, UiBundle

ORIGIN = "http://127.0.0.1:8080"
BASE = "/plugins/notes/ui/~0123abcd"
BUNDLE = UiBundle(
    digest="d" * 64,
    type=UiType.STATIC,
    entry="index.js",
    styles=("a b.css",),
    files={"index.js": "aa" * 32, "a b.css": "bb" * 32, "logo.svg": "cc" * 32},
)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


MODULE = 'export const text = "</\\x73cript>";\n'
SHEET = "h1 { color: red }"
TEXTS = {hashed(MODULE): MODULE, hashed(SHEET): SHEET}
PACKED = replace(BUNDLE, packed=PackedUi(version=1, entry=hashed(MODULE), styles={"a b.css": hashed(SHEET)}))


def policies(headers: list[tuple[bytes, bytes]]) -> list[dict[str, list[str]]]:
    said = (value.decode() for name, value in headers if name == b"content-security-policy")
    return [{part.split()[0]: part.split()[1:] for part in one.split("; ")} for one in said]


def read(
    name: str = "Notes", ui: UiBundle = BUNDLE, base: str = BASE, inline: dict[str, str] | None = None
) -> tuple[Reader, dict[str, list[str]]]:
    body, headers = frame_document(
        plugin_id="notes", name=name, ui=ui, asset_base=base, origin=ORIGIN, release="r1", inline=inline
    )
    policy, addresses = policies(headers)
    # Digests open no address there, see the module.
    several = bool(inline and ui.packed and ui.packed.modules)
    more = ["data:"] if several else policy["script-src"][: inline is None]
    assert addresses == {"script-src": ["'unsafe-inline'", *more]}
    reader = Reader()
    reader.feed(body.decode())
    return reader, policy


def test_policy_leaves_only_the_bundle() -> None:
    _, policy = read()
    assets = f"{ORIGIN}{BASE}/"
    assert policy["default-src"] == policy["connect-src"] == policy["form-action"] == ["'none'"]
    assert "allow-same-origin" not in policy["sandbox"]
    assert policy["frame-ancestors"] == [ORIGIN]
    for kind in ("script-src", "style-src"):
        assert policy[kind][0] == assets
        assert all(source.startswith("'sha256-") for source in policy[kind][1:])
    assert not any("unsafe" in source for sources in policy.values() for source in sources)


def test_every_inline_part_is_allowed_by_its_hash() -> None:
    reader, policy = read()
    allowed = {*policy["script-src"], *policy["style-src"]}
    assert len(reader.scripts) == 3
    for text in reader.scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in allowed


def test_a_packed_page_names_no_file_and_allows_none() -> None:
    reader, policy = read(ui=PACKED, inline=TEXTS)
    assert [tag for tag, _ in reader.tags if tag == "link"] == []
    assert [text for text in reader.scripts if text in (MODULE, SHEET)] == [SHEET, MODULE]
    for kind, count in (("script-src", 2), ("style-src", 2)):
        assert len(policy[kind]) == count
        assert all(source.startswith("'sha256-") for source in policy[kind])
    allowed = {*policy["script-src"], *policy["style-src"]}
    for text in reader.scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in allowed
    before = read()[1]
    assert {kind for kind in policy if policy[kind] != before[kind]} == {"script-src", "style-src"}


def test_a_page_of_several_modules_has_them_in_its_import_map() -> None:
    texts = {hashed(text): text for text in ('import "x" // <é> 100%\t"\\\n', "export {};", SHEET)}
    a, b, sheet = texts
    packed = PackedUi(version=2, modules={"index.js": a, "a b.js": b}, styles={"a b.css": sheet})
    ui = replace(BUNDLE, packed=packed)
    reader, policy = read(ui=ui, inline=texts)
    facts = next(
        json.loads(str(attrs["content"])) for _, attrs in reader.tags if attrs.get("name") == "plugway"
    )
    assert (facts["entry"], facts["packed"]) == ("plugway-bundle/index.js", False)
    assert [tag for tag, _ in reader.tags if tag == "link"] == []
    import_map = next(text for text in reader.scripts if "integrity" in text)
    names, integrity = (json.loads(import_map)[part] for part in ("imports", "integrity"))
    assert set(names) == {"plugway-bundle/index.js", "plugway-bundle/a b.js"}
    allowed = [f"'{integrity[address]}'" for address in names.values()]
    for address in names.values():
        kind, _, text = address.partition(",")
        assert kind == "data:text/javascript"
        assert re.fullmatch("[!-~]+", text)
        assert not set('#"<\\') & set(text)
        digest = base64.b64encode(hashlib.sha256(unquote_to_bytes(text)).digest()).decode()
        assert integrity[address] == f"sha256-{digest}"
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    assert len(policy["script-src"]) == 4
    assert {*allowed, f"'sha256-{digest}'"} < set(policy["script-src"])
    # What a store holds otherwise than when it was hashed has no digest that is allowed.
    damaged = {**texts, a: "replaced();"}
    reader, policy = read(ui=ui, inline=damaged)
    assert set(allowed) < set(policy["script-src"])
    import_map = next(text for text in reader.scripts if "integrity" in text)
    assert {f"'{one}'" for one in json.loads(import_map)["integrity"].values()} == set(allowed)


def test_headers_stay_as_small_as_servers_before_a_gateway_take_them() -> None:
    texts = {hashed(str(number)): str(number) for number in range(MOST)}
    ui = replace(BUNDLE, packed=PackedUi(version=2, modules=dict(zip(texts, texts, strict=True))))
    _, headers = frame_document(
        plugin_id="notes", name="Notes", ui=ui, asset_base=BASE, origin=ORIGIN, inline=texts
    )
    assert sum(len(name) + len(value) + 4 for name, value in headers) < 3600


def test_the_bridge_comes_before_the_plugins_code_and_after_its_place() -> None:
    tags = [
        (tag, attrs.get("id") or attrs.get("type")) for tag, attrs in read(ui=PACKED, inline=TEXTS)[0].tags
    ]
    assert tags[-3:] == [("div", "root"), ("script", None), ("script", "module")]


def test_a_sheet_that_stays_a_file_is_asked_for_in_a_packed_page() -> None:
    ui = replace(BUNDLE, packed=PackedUi(version=1, entry=hashed(MODULE)))
    reader, policy = read(ui=ui, inline=TEXTS)
    assert [attrs["rel"] for tag, attrs in reader.tags if tag == "link"] == ["stylesheet"]
    assert policy["style-src"][0] == f"{ORIGIN}{BASE}/"
    assert f"{ORIGIN}{BASE}/" not in policy["script-src"]


def test_modules_and_styles_carry_their_digest() -> None:
    reader, _ = read()
    integrity = "sha256-" + base64.b64encode(b"\xbb" * 32).decode()
    link = next(attrs for tag, attrs in reader.tags if tag == "link")
    assert (link["href"], link["integrity"]) == (f"{ORIGIN}{BASE}/a%20b.css", integrity)
    import_map = json.loads(next(text for text in reader.scripts if "integrity" in text[:20]))
    assert list(import_map["integrity"]) == [f"{ORIGIN}{BASE}/index.js"]


@pytest.mark.parametrize("name", ["</title><script>x</script>", "'\"><img src=x>", "&amp;", "ü\u2028"])
def test_a_name_stays_text(name: str) -> None:
    reader, _ = read(name)
    facts = next(attrs["content"] for tag, attrs in reader.tags if attrs.get("name") == "plugway")
    assert json.loads(str(facts))["name"] == name
    assert [tag for tag, _ in reader.tags if tag in ("script", "img")] == ["script", "script"]


@pytest.mark.parametrize("base", [BASE, BASE + "/", ORIGIN + BASE])
def test_the_base_may_be_given_in_any_form(base: str) -> None:
    reader, _ = read(base=base)
    facts = next(str(attrs["content"]) for tag, attrs in reader.tags if attrs.get("name") == "plugway")
    assert json.loads(facts)["entry"] == f"{ORIGIN}{BASE}/index.js"


def test_a_file_name_cannot_leave_its_place_in_the_document() -> None:
    odd = '</script><script>x.js"'
    reader, _ = read(ui=UiBundle(digest="d", type=UiType.STATIC, entry=odd, files={odd: "aa" * 32}))
    assert [tag for tag, _ in reader.tags if tag == "script"] == ["script", "script"]
    assert not any(re.search("</?script", text) for text in reader.scripts[:2])
