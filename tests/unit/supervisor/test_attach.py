"""What is learnt of a release that is known already, from a plugin over the real contract."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plugway.plugin.v1 import manifest_pb2
from plugway.plugin.v1 import plugin_pb2 as pb

from gateway.contract.client import PluginClient
from gateway.model import InstanceId
from gateway.packing.pack import VERSION
from gateway.registry.records import ReleaseRecord
from gateway.sources.store import ContentStore
from gateway.supervisor.attach import get_facts
from gateway.ui_bundles import PackedUi
from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import endpoint
from tests.samples import make_release

PAGE = b"export function mount() {}\n"


class Panel(ContractPlugin):
    """A plugin with a page of one module."""

    async def Describe(self, request: pb.DescribeRequest, context: Any) -> pb.DescribeResponse:  # noqa: N802
        ui = manifest_pb2.Ui(type=manifest_pb2.UI_TYPE_STATIC, entry="index.js")
        manifest = manifest_pb2.Manifest(id="notes", version="1.0.0", name="Notes", ui=ui)
        return pb.DescribeResponse(contract_version=1, supported_contract_versions=[1], manifest=manifest)

    async def GetUi(self, request: pb.GetUiRequest, context: Any) -> AsyncIterator[pb.GetUiResponse]:  # noqa: N802
        self.calls.append("GetUi")
        head = pb.UiFile(path="index.js", size=len(PAGE), sha256=hashlib.sha256(PAGE).digest())
        yield pb.GetUiResponse(file=head)
        yield pb.GetUiResponse(chunk=PAGE)


@pytest.mark.parametrize(
    "before", [None, PackedUi(version=VERSION - 1)], ids=["never packed", "by an older one"]
)
async def test_a_page_that_is_kept_is_packed_without_being_fetched_again(
    tmp_path: Path, before: PackedUi | None
) -> None:
    address, plugin, store = f"unix:{tmp_path}/p.sock", Panel(), ContentStore(tmp_path / "store")
    server = await serve(address, plugin)
    client = PluginClient(endpoint(address))
    try:
        known = ReleaseRecord(release=make_release())
        first = await get_facts(client, known, InstanceId("one"), store)
        assert first.ui is not None
        assert first.ui.packed is not None
        assert first.ui.packed.entry
        old = replace(known, manifest=first.manifest, ui=replace(first.ui, packed=before))
        again = await get_facts(client, old, InstanceId("one"), store)
        assert again == first
        assert plugin.calls == ["GetUi"]
    finally:
        await client.close()
        await server.stop(None)
