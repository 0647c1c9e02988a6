"""The preflight: every installed plugin, tried by this program beside the gateway that runs it.

What is installed is read from a copy of the registry, which is migrated as an upgrade would migrate it.
Each release is started once more, in a home of its own with empty volumes: what runs, its data and its
calls are left alone, and settings are only judged (a dry run).
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from gateway.conformance.findings import Finding, Outcome, Report
from gateway.conformance.places import Place
from gateway.conformance.run import START, run_checks
from gateway.conformance.subject import Patience, Plan
from gateway.conformance.suite import SUITE
from gateway.conformance.targets import Stage, remote_place, stage
from gateway.errors import PlugwayError
from gateway.model import Release, RemoteArtifact
from gateway.registry.copying import copy_database
from gateway.registry.records import PluginRecord
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.settings import Settings

Told = Callable[[str, Finding], None]


async def preflight(
    settings: Settings, *, only: Collection[str] = (), patience: Patience | None = None, told: Told
) -> list[Report]:
    """A report for each plugin; raises ``PlugwayError`` where the registry cannot be read."""
    reports = []
    async with _registry(settings) as store, stage(settings) as ground:
        for record in store.plugins():
            release = store.release(record.release_id).release
            reports.append(await _report(settings, ground, record, release, only, patience, told))
    return reports


@asynccontextmanager
async def _registry(settings: Settings) -> AsyncIterator[RegistryStore]:
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="plugway-check-"))
    try:
        copy = folder / "plugway.db"
        url = await asyncio.to_thread(lambda: copy_database(settings.database, copy))
        store = await RegistryStore.open(url, SecretCipher(settings.home / "keys" / "secrets.key"))
        try:
            yield store
        finally:
            await store.close()
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _report(
    settings: Settings,
    ground: Stage,
    record: PluginRecord,
    release: Release,
    only: Collection[str],
    patience: Patience | None,
    told: Told,
) -> Report:
    def tell(finding: Finding) -> None:
        told(record.id, finding)

    try:
        place = await _place(settings, ground, release)
    except PlugwayError as error:
        finding = Finding(
            id=START.id, promise=START.promise, outcome=Outcome.FAIL, seen=error.detail, hint=error.hint
        )
        tell(finding)
        return Report(target=record.id, plugin=record.id, version=release.version, findings=(finding,))
    plan = Plan(
        settings=record.settings,
        configure=False,
        drain=place.renewable,
        preflight=True,
        patience=patience or Patience(),
    )
    try:
        report = await run_checks(record.id, place, plan, SUITE, only=only, told=tell)
    finally:
        await place.close()
    return replace(report, plugin=record.id)


async def _place(settings: Settings, ground: Stage, release: Release) -> Place:
    if isinstance(release.artifact, RemoteArtifact):
        return await remote_place(release.artifact, release.plugin_id, settings.home, version=release.version)
    return await ground.place(release)
