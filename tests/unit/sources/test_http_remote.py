"""Plain HTTP servers as plugins."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.definition import parse_definition
from gateway.errors import BadInput
from gateway.model import DirectoryArtifact, Release, RemoteArtifact, Source, Tier, UiType
from gateway.sources.addresses import AllowList, read_allow_list
from gateway.sources.external import ExternalPlugins
from gateway.sources.fetch import Fetcher, FetchRefused
from gateway.sources.http_remote import HttpRemoteSource
from gateway.sources.remote import RemoteSource
from tests.fakes.serving import serving
from tests.fakes.web import Page, Web

MODULE = b"export function Panel() {}\nexport const createElement = 1, createRoot = 2;\n"


@dataclass
class Bed:
    root: Path
    web: Web
    base: str
    allowed: AllowList = AllowList(hosts=frozenset({"127.0.0.1"}))

    async def resolve(self, **fields: Any) -> Release:
        fetcher = Fetcher(self.allowed, timeout=10, max_bytes=2**20)
        source = RemoteSource(over_http=HttpRemoteSource(ExternalPlugins(self.root, fetcher)))
        document = {"id": "panel", "version": "1.0.0", "source": "remote", **fields}
        return await source.resolve(parse_definition(document))


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    web = Web({"/v1/ui.js": Page(MODULE), "/static/ui.js": Page(MODULE + b"//")})
    async with serving(web) as base:
        yield Bed(tmp_path, web, base)


def adapter_of(release: Release) -> dict[str, Any]:
    assert isinstance(release.artifact, DirectoryArtifact)
    return dict(json.loads((Path(release.artifact.path) / "adapter.json").read_text()))


@pytest.mark.parametrize("kind", ["none", None], ids=["uiType none", "no uiType"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("checksum", "sha256:" + "0" * 64), ("signature", "e30="), ("signer", "acme")],
    ids=["checksum", "signature", "signer"],
)
async def test_nothing_vouches_for_a_server_without_a_page(
    bed: Bed, field: str, value: str, kind: str | None
) -> None:
    with pytest.raises(BadInput) as refused:
        await bed.resolve(apiBaseUrl=f"{bed.base}/v1", uiType=kind, **{field: value})
    assert list(refused.value.fields) == [f"/{field}"]
    assert "componentEndpoint" in refused.value.fields[f"/{field}"]
    assert bed.web.paths() == []


async def test_an_api_alone(bed: Bed) -> None:
    release = await bed.resolve(apiBaseUrl=f"{bed.base}/v1")
    assert (release.source, release.tier, release.ui_type) == (Source.REMOTE, Tier.EXTERNAL, UiType.NONE)
    assert release.permissions.egress == (bed.base.removeprefix("http://"),)
    assert adapter_of(release)["api"] == {
        "baseUrl": f"{bed.base}/v1",
        "egress": bed.base.removeprefix("http://"),
        "private": True,
    }


@pytest.mark.parametrize(
    ("endpoint", "asked"), [("ui.js", "/v1/ui.js"), ("/static/ui.js", "/static/ui.js"), (None, "/v1/ui.js")]
)
async def test_the_page_is_fetched_and_pinned(bed: Bed, endpoint: str | None, asked: str) -> None:
    endpoint = endpoint or f"{bed.base}/v1/ui.js"
    before = await bed.resolve(
        apiBaseUrl=f"{bed.base}/v1",
        uiType="react_component",
        uiConfig={"componentEndpoint": endpoint, "remoteComponent": "Panel"},
    )
    assert before.ui_type is UiType.REACT_COMPONENT
    assert bed.web.paths() == [asked]
    assert isinstance(before.artifact, DirectoryArtifact)
    page = Path(before.artifact.path) / "ui"
    assert "export { Panel as default }" in (page / "index.js").read_text()
    assert (page / "component.js").read_bytes().startswith(MODULE)
    bed.web.pages[asked] = Page(MODULE + b"// changed")
    after = await bed.resolve(
        apiBaseUrl=f"{bed.base}/v1", uiType="react_component", uiConfig={"componentEndpoint": endpoint}
    )
    assert after.id != before.id


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"uiConfig": {"componentEndpoint": "ui.js"}}, "/apiBaseUrl"),
        ({"apiBaseUrl": "BASE", "version": ""}, "/version"),
        ({"apiBaseUrl": "BASE?token=x"}, "/apiBaseUrl"),
        ({"apiBaseUrl": "BASE", "uiType": "static"}, "/uiConfig/componentEndpoint"),
        ({"apiBaseUrl": "BASE", "uiConfig": {"packageName": "x"}}, "/uiConfig/packageName"),
        (
            {"apiBaseUrl": "BASE", "uiConfig": {"componentEndpoint": "ui.js", "remoteComponent": "a;b"}},
            "/uiConfig/remoteComponent",
        ),
    ],
)
async def test_definitions_that_do_not_hold(bed: Bed, fields: dict[str, Any], place: str) -> None:
    if "apiBaseUrl" in fields:
        fields = {**fields, "apiBaseUrl": fields["apiBaseUrl"].replace("BASE", bed.base)}
    with pytest.raises(BadInput) as caught:
        await bed.resolve(**fields)
    assert list(caught.value.fields) == [place]


async def test_an_api_of_this_network_has_to_be_listed(bed: Bed) -> None:
    bed.allowed = AllowList()
    with pytest.raises(FetchRefused) as caught:
        await bed.resolve(apiBaseUrl=f"{bed.base}/v1")
    assert caught.value.hint.endswith("PLUGWAY_FETCH_ALLOW=127.0.0.1")
    bed.allowed = read_allow_list("127.0.0.0/8")
    assert (await bed.resolve(apiBaseUrl=f"{bed.base}/v1")).permissions


async def test_a_plugin_that_speaks_the_contract_is_attached_as_before(bed: Bed) -> None:
    release = await bed.resolve(version="", sourceUrl="grpc://127.0.0.1:7000")
    assert release.artifact == RemoteArtifact(address="127.0.0.1:7000")
