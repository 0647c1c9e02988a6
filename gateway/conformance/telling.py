"""Checks of what a plugin hands out beside calls: its page, its metrics, its log."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Collection

from gateway.conformance.check import Broken, Group, NotApplicable, NotTried, require
from gateway.conformance.subject import Subject
from gateway.contract.client import PluginClient
from gateway.contract.errors import ContractError
from gateway.model import UiType
from gateway.ui_bundles import UiBundle

group = Group()
_FIELDS = ("at", "level", "logger", "message")


class _Hashed:
    """A content store that keeps nothing but digests."""

    async def put(self, chunks: AsyncIterator[bytes]) -> str:
        digest = hashlib.sha256()
        async for chunk in chunks:
            digest.update(chunk)
        return digest.hexdigest()

    async def all_intact(self, digests: Collection[str]) -> bool:
        return False


async def _bundle(subject: Subject) -> UiBundle:
    manifest = subject.manifest
    if manifest.ui_type is UiType.NONE:
        raise NotApplicable("it has no page")
    client = PluginClient(subject.endpoint)
    try:
        return await client.fetch_ui(manifest, _Hashed())
    finally:
        await client.close()


@group.check(
    "ui.bundle", "GetUi: for each file one file, then its bytes; what the manifest names is among them."
)
async def bundle(subject: Subject) -> str:
    found = await subject.once("bundle", _bundle)
    return f"{len(found.files)} files, entry {found.entry}"


@group.check("ui.same", "A release is immutable: its page is the same each time.")
async def same_bundle(subject: Subject) -> str:
    try:
        first = await subject.once("bundle", _bundle)
    except ContractError:
        raise NotTried("its page could not be had: see ui.bundle") from None
    second = await _bundle(subject)
    require(first.digest == second.digest, "Asked twice, it gave two different pages.")
    return first.digest


@group.check("metrics.text", "CollectMetrics returns OpenMetrics text.")
async def metrics(subject: Subject) -> str:
    client = PluginClient(subject.endpoint)
    try:
        content_type, text = await client.collect_metrics()
    finally:
        await client.close()
    require(
        content_type.startswith("application/openmetrics-text"),
        f"Its content type is {content_type!r:.100}.",
        "Use application/openmetrics-text; version=1.0.0.",
    )
    try:
        families = await asyncio.to_thread(_families, text)
    except Exception as error:
        raise Broken(f"It is not OpenMetrics: {error!s:.200}", "End it with '# EOF'.") from error
    return f"{families} families"


def _families(text: bytes) -> int:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    return len(list(text_string_to_metric_families(text.decode())))  # type: ignore[no-untyped-call]


@group.check("logs.json", "Print one JSON object a line on standard output: at, level, logger, message.")
async def logs(subject: Subject) -> str:
    lines = await _log(subject)
    for line in lines:
        try:
            document = json.loads(line)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Broken(
                f"It prints {line!r:.120}, which is no JSON object.", "Log in JSON, and nothing beside."
            )
        lacks = [name for name in _FIELDS if name not in document]
        require(not lacks, f"A line of its log lacks {', '.join(lacks)}: {line:.120}")
    return f"{len(lines)} lines"


@group.check("logs.secrets", "No secret in a log, ever.")
async def no_secret(subject: Subject) -> str:
    lines = await _log(subject)
    if not subject.shared.canaries:
        raise NotApplicable("it was given no secret")
    require(
        not any(secret in line for line in lines for secret in subject.shared.canaries),
        "A secret that it was given stands in its log.",
        "Mask every secret in force, whoever writes the line.",
    )
    return f"none of {len(subject.shared.canaries)} in {len(lines)} lines"


async def _log(subject: Subject) -> list[str]:
    lines = await subject.place.log()
    if lines is None:
        raise NotApplicable("what it prints is not seen here")
    if not lines:
        raise NotApplicable("it has printed nothing")
    return list(lines)
