"""Describe, GetUi, health and reflection."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import grpc
import pytest
from fastapi import FastAPI
from grpc_reflection.v1alpha import reflection_pb2
from plugway.plugin.v1 import manifest_pb2, plugin_pb2
from plugway_sdk import DataPolicy, Permissions, Plugin, PluginMisdefined, RouteRule
from plugway_sdk.testing import harness
from prometheus_client import CollectorRegistry, Counter


def plugin_of(**more: Any) -> Plugin[Any]:
    return Plugin(**{"id": "sample", "version": "1.2.3", "app": FastAPI(title="Sample"), **more})


@pytest.mark.parametrize(("offered", "chosen"), [((1,), 1), ((3, 1, 2), 1), ((2, 3), 0)])
async def test_the_highest_common_contract_is_chosen(offered: tuple[int, ...], chosen: int) -> None:
    async with harness(plugin_of()) as client:
        answer = await client.describe(*offered)
        assert answer.contract_version == chosen
        assert list(answer.supported_contract_versions) == [1]
        assert answer.manifest.id == "sample"
        nothing = await client.stub.Describe(plugin_pb2.DescribeRequest())
        assert nothing.contract_version == 0


async def test_the_manifest_says_what_the_author_said(tmp_path: Path) -> None:
    (tmp_path / "index.js").write_text("export {}")
    plugin = plugin_of(
        name="A sample",
        description="For tests.",
        permissions=Permissions(egress=["db:5432"], volumes=["data"]),
        routes=[
            RouteRule(path_prefix="/open", access="public", methods=["get"]),
            RouteRule(path_prefix="/", access="admin"),
        ],
        ui=tmp_path,
        data_policy=DataPolicy(one_way_migration=True, explanation="new columns"),
    )
    async with harness(plugin) as client:
        answer = await client.describe()
        openapi = json.loads(answer.openapi_json)
    manifest = answer.manifest
    assert answer.instance_id == "under-test"
    assert (manifest.version, manifest.name, manifest.description) == ("1.2.3", "A sample", "For tests.")
    assert list(manifest.permissions.egress) == ["db:5432"]
    assert list(manifest.permissions.volumes) == ["data"]
    assert [(rule.path_prefix, list(rule.methods), rule.access) for rule in manifest.routes] == [
        ("/open", ["GET"], manifest_pb2.ACCESS_LEVEL_PUBLIC),
        ("/", [], manifest_pb2.ACCESS_LEVEL_ADMIN),
    ]
    assert (manifest.ui.type, manifest.ui.entry) == (manifest_pb2.UI_TYPE_STATIC, "index.js")
    assert not manifest.HasField("settings")
    assert manifest.data_policy.one_way_migration
    assert openapi["info"]["title"] == "Sample"


async def test_the_ui_is_streamed_with_digests(tmp_path: Path) -> None:
    files = {"index.js": b"export {}", "deep/er/big.bin": bytes(700_000), "empty.css": b""}
    for name, content in {**files, ".hidden": b"no", "__pycache__/x.pyc": b"no"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    async with harness(plugin_of(ui=tmp_path)) as client:
        assert await client.ui() == files
        async for part in client.stub.GetUi(plugin_pb2.GetUiRequest()):
            if part.HasField("file"):
                content = files[part.file.path]
                assert part.file.size == len(content)
                assert part.file.sha256 == hashlib.sha256(content).digest()
    async with harness(plugin_of()) as client:
        assert await client.ui() == {}


async def test_the_kit_comes_with_the_bundle_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "index.js").write_text('import { h } from "./kit/dom.js"; export const mount = h;')
    async with harness(plugin_of(ui=tmp_path, ui_kit=True, ui_styles=("kit/kit.css",))) as client:
        found = await client.ui()
    assert found == dict(sorted(found.items()))
    shared = {path for path in found if path.startswith("kit/")}
    assert {"kit/kit.css", "kit/shell.js", "kit/dom.js"} <= shared
    # What its modules import is there, too.
    imported = {name for path in shared for name in re.findall(rb'from "\./([^"]+)"', found[path])}
    assert imported
    assert {f"kit/{name.decode()}" for name in imported} <= shared


def test_a_kit_is_not_laid_over_files_of_the_plugins_own(tmp_path: Path) -> None:
    (tmp_path / "kit").mkdir()
    (tmp_path / "index.js").touch()
    with pytest.raises(PluginMisdefined, match="'kit' of its own"):
        plugin_of(ui=tmp_path, ui_kit=True)
    with pytest.raises(PluginMisdefined, match=r"no file 'kit/none\.css'"):
        plugin_of(ui=tmp_path, ui_kit=True, ui_styles=("kit/none.css",))


async def test_health_knows_the_plugin_and_the_instance_and_no_other() -> None:
    async with harness(plugin_of()) as client:
        for name in ("", "sample", "under-test"):
            assert await client.health(name) == "SERVING"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.health("another-plugin")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_the_services(version: str) -> None:
    async with harness(plugin_of()) as client:
        ask = client.channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        answer = await ask(iter([reflection_pb2.ServerReflectionRequest(list_services="")])).read()
        names = {service.name for service in answer.list_services_response.service}
    assert {"plugway.plugin.v1.PluginService", "grpc.health.v1.Health"} <= names


async def test_metrics_hold_the_authors_own() -> None:
    registry = CollectorRegistry()
    Counter("sample_things", "Things.", registry=registry).inc(3)
    async with harness(plugin_of(metrics=registry)) as client:
        answer = await client.stub.CollectMetrics(plugin_pb2.CollectMetricsRequest())
    assert answer.content_type.startswith("application/openmetrics-text")
    assert b"sample_things_total 3.0" in answer.text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"id": "Sample"}, "lower-case"),
        ({"id": "s"}, "2 to 63"),
        ({"version": "1"}, "semantic version"),
        ({"settings_version": 1, "settings_reads_from": 2}, "settings_reads_from"),
        ({"ui": "/nowhere"}, "not there"),
        ({"ui": str(Path(__file__).parent)}, "has no file 'index.js'"),
    ],
)
def test_a_definition_that_cannot_hold_is_told_at_once(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginMisdefined, match=message):
        plugin_of(**wrong)
