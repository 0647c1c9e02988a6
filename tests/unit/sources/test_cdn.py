"""Pages from a CDN, over TLS."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.definition import parse_definition
from gateway.errors import BadInput, PlugwayError
from gateway.model import DirectoryArtifact, Release, Source, UiType
from gateway.sources.addresses import AllowList
from gateway.sources.archive import ArchiveRefused
from gateway.sources.cdn import CdnSource, ChecksumMissing, NotAModule
from gateway.sources.external import ExternalPlugins
from gateway.sources.fetch import Fetcher, FetchFailed
from gateway.sources.package_json import BadPackage
from gateway.sources.store import DigestMismatch
from gateway.trust.verify import verify_release
from tests.fakes.authority import Authority
from tests.fakes.npm_registry import tarball
from tests.fakes.serving import serving
from tests.fakes.web import Page, Web

MODULE = b"export function mount(root) {}\r\n"


def checksum(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def zipped(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


@dataclass
class Bed:
    web: Web
    base: str
    external: ExternalPlugins
    unpinned: bool = False

    async def resolve(self, **fields: Any) -> Release:
        document = {"id": "panel", "version": "1.0.0", "source": "cdn", **fields}
        return await CdnSource(self.external, unpinned=self.unpinned).resolve(parse_definition(document))

    def put(self, path: str, content: bytes) -> dict[str, Any]:
        """Serve it; returns the checksum as a field of a definition."""
        self.web.pages[path] = Page(content)
        return {"checksum": checksum(content)}


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    authority = Authority(tmp_path, "cdn")
    certificate, key = authority.issue("localhost")
    fetcher = Fetcher(
        AllowList(hosts=frozenset({"localhost"})), timeout=10, max_bytes=2**24, ca_file=Path(authority.path)
    )
    web = Web()
    async with serving(web, tls=(Path(certificate), Path(key))) as base:
        yield Bed(web, base, ExternalPlugins(tmp_path / "external", fetcher))


def files(release: Release) -> dict[str, bytes]:
    assert isinstance(release.artifact, DirectoryArtifact)
    root = Path(release.artifact.path) / "ui"
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


async def test_one_module_is_a_page(bed: Bed) -> None:
    pinned = bed.put("/panel.js", MODULE)
    release = await bed.resolve(uiConfig={"componentUrl": f"{bed.base}/panel.js"}, **pinned)
    assert (release.source, release.version, release.ui_type) == (Source.CDN, "1.0.0", UiType.STATIC)
    assert files(release) == {"index.js": MODULE}
    assert await verify_release(release) == release
    # Fetched once: nothing of it is asked for again.
    assert bed.web.paths() == ["/panel.js"]


@pytest.mark.parametrize("kind", ["tgz", "zip"])
async def test_an_archive_is_a_page(bed: Bed, kind: str) -> None:
    about = json.dumps({"exports": "./dist/main.mjs", "plugway": {"styles": ["dist/main.css"]}})
    content = {"package.json": about, "dist/main.mjs": MODULE.decode(), "dist/main.css": "", ".hidden": ""}
    data = tarball(content) if kind == "tgz" else zipped(content)
    pinned = bed.put("/panel", data)
    release = await bed.resolve(
        uiConfig={"packageUrl": f"{bed.base}/panel"}, uiType="react_component", **pinned
    )
    assert sorted(files(release)) == ["dist/main.css", "dist/main.mjs", "package.json"]
    assert release.ui_type is UiType.REACT_COMPONENT
    assert isinstance(release.artifact, DirectoryArtifact)
    adapter = json.loads((Path(release.artifact.path) / "adapter.json").read_text())
    assert adapter["ui"]["entry"] == "dist/main.mjs"
    assert adapter["ui"]["styles"] == ["dist/main.css"]


async def test_a_download_is_taken_for_what_it_is(bed: Bed) -> None:
    archive = bed.put("/a", zipped({"index.js": "export {}"}))
    module = bed.put("/m", MODULE)
    assert list(files(await bed.resolve(downloadUrl=f"{bed.base}/a", **archive))) == ["index.js"]
    assert files(await bed.resolve(downloadUrl=f"{bed.base}/m", **module)) == {"index.js": MODULE}
    external = {"source": "external", "sourceUrl": f"{bed.base}/m"}
    assert files(await bed.resolve(**external, **module)) == {"index.js": MODULE}


async def test_the_version_has_its_place_in_the_address(bed: Bed) -> None:
    pinned = bed.put("/panel/2.0.0/index.js", MODULE)
    url = bed.base + "/panel/{version}/index.js"
    release = await bed.resolve(version="2.0.0", uiConfig={"componentUrl": url}, **pinned)
    assert release.version == "2.0.0"


async def test_without_a_checksum_nothing_is_fetched_unless_the_operator_says_so(bed: Bed) -> None:
    bed.put("/panel.js", MODULE)
    where = {"uiConfig": {"componentUrl": f"{bed.base}/panel.js"}}
    with pytest.raises(ChecksumMissing):
        await bed.resolve(**where)
    assert bed.web.asked == []
    bed.unpinned = True
    before = await bed.resolve(**where)
    bed.put("/panel.js", MODULE + b"// changed\n")
    # What was installed stays what it was.
    assert files(before) == {"index.js": MODULE}
    assert (await bed.resolve(**where)).id != before.id


@pytest.mark.parametrize(
    ("served", "error"),
    [
        (MODULE[:-1], DigestMismatch),
        (MODULE + b"\n", DigestMismatch),
        (b"", DigestMismatch),
    ],
)
async def test_other_bytes_than_the_checksum_says_are_refused(
    bed: Bed, served: bytes, error: type[PlugwayError], tmp_path: Path
) -> None:
    bed.put("/panel.js", served)
    with pytest.raises(error):
        await bed.resolve(uiConfig={"componentUrl": f"{bed.base}/panel.js"}, checksum=checksum(MODULE))
    assert [path.name for path in (tmp_path / "external").iterdir()] == ["tmp"]
    assert list((tmp_path / "external" / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("field", "served", "error"),
    [
        ("componentUrl", b"<!doctype html><p>export", NotAModule),
        ("componentUrl", b"\xff\xfe export", NotAModule),
        ("componentUrl", b"window.Panel = 1", NotAModule),
        ("packageUrl", MODULE, ArchiveRefused),
        ("packageUrl", zipped({"a.js": "export {}"}), BadPackage),
        (
            "packageUrl",
            zipped({"package.json": '{"version": "9.9.9", "module": "a.js"}', "a.js": ""}),
            BadPackage,
        ),
        ("packageUrl", zipped({"package.json": "[" * 100_000}), BadPackage),
        ("packageUrl", zipped({"package.json": '{"exports": "./a.css"}', "a.css": ""}), BadPackage),
        ("packageUrl", zipped({"package.json": '{"exports": "./a.js"}'}), BadPackage),
    ],
)
async def test_what_can_be_no_page(bed: Bed, field: str, served: bytes, error: type[PlugwayError]) -> None:
    pinned = bed.put("/x", served)
    with pytest.raises(error):
        await bed.resolve(uiConfig={field: f"{bed.base}/x"}, **pinned)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({}, "/uiConfig"),
        (
            {"downloadUrl": "https://a.example/a", "uiConfig": {"componentUrl": "https://a.example/b"}},
            "/uiConfig",
        ),
        ({"downloadUrl": "https://a.example/a", "version": "latest"}, "/version"),
        ({"uiConfig": {"packageName": "x"}}, "/uiConfig/packageName"),
    ],
)
async def test_definitions_that_do_not_say_what_is_meant(
    bed: Bed, fields: dict[str, Any], place: str
) -> None:
    with pytest.raises(BadInput) as caught:
        await bed.resolve(checksum=checksum(b""), **fields)
    assert list(caught.value.fields) == [place]


async def test_a_server_that_is_not_who_it_says_is_not_believed(bed: Bed, tmp_path: Path) -> None:
    """The same server, by a fetcher that does not know its authority."""
    stranger = Fetcher(AllowList(hosts=frozenset({"localhost"})), timeout=10, max_bytes=2**24)
    pinned = bed.put("/panel.js", MODULE)
    bed.external = ExternalPlugins(tmp_path / "external", stranger)
    with pytest.raises(FetchFailed, match="certificate"):
        await bed.resolve(uiConfig={"componentUrl": f"{bed.base}/panel.js"}, **pinned)
    assert bed.web.asked == []
