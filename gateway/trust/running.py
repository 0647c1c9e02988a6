"""What can be judged only once a plugin runs: its manifest, and the UI that it hands out. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.digests import canonical_json
from gateway.model import Manifest, Release
from gateway.trust.compare import compare_subjects, compare_with_lock
from gateway.trust.envelope import parse_envelope
from gateway.trust.facts import Facts
from gateway.trust.statement import Statement, parse_statement
from gateway.trust.subjects import role_of


def judge_running(envelope: bytes, release: Release, manifest: Manifest, ui: Mapping[str, str]) -> None:
    """Both, for a release whose ``envelope`` was accepted; ``ui`` as in :func:`judge_ui`."""
    statement = parse_statement(parse_envelope(envelope).payload)
    facts = Facts(
        plugin=release.plugin_id,
        version=release.version,
        source=release.source,
        release=release.id,
        # The artefacts were held against the lock when they were fetched, and are again at each start.
        subjects=statement.subjects,
        permissions=release.permissions,
    )
    judge_manifest(statement, facts, manifest)
    judge_ui(statement, facts, ui)


def judge_manifest(statement: Statement, facts: Facts, manifest: Manifest) -> None:
    """Raises :class:`gateway.trust.refusal.Refused` where the plugin says of itself what was not signed."""
    said = replace(
        facts,
        plugin=manifest.plugin_id,
        version=manifest.version,
        permissions=manifest.permissions,
        ui_type=manifest.ui_type,
        contract=contract_digest(manifest),
    )
    compare_with_lock(statement, said)


def judge_ui(statement: Statement, facts: Facts, files: Mapping[str, str]) -> None:
    """Hold the files that GetUi gave against the lock; raises as above.

    ``files`` maps bundle paths to sha256 in hexadecimal. A lock that lists no ``ui/`` files leaves
    the UI to the artefact that the files come from, whose own digest was signed.
    """
    listed = {name: digest for name, digest in statement.subjects.items() if role_of(name) == "ui"}
    if listed:
        found = {f"ui/{path}": f"sha256:{content}" for path, content in files.items()}
        compare_subjects(listed, found, facts)


def contract_digest(manifest: Manifest) -> str:
    """``sha256:...`` over what callers and settings may rely on: the ``contract`` of a release lock."""
    contents: dict[str, Any] = {
        "contractVersion": manifest.contract_version,
        "routes": sorted(
            [rule.path_prefix, rule.access.value, sorted(rule.methods)] for rule in manifest.routes
        ),
        "services": sorted(manifest.services),
        "openapi": manifest.openapi,
        "descriptors": hashlib.sha256(manifest.descriptor_set).hexdigest(),
        "settings": manifest.settings_schema,
        "settingsVersion": manifest.settings_version,
        "settingsReadsFrom": manifest.settings_reads_from,
    }
    return f"sha256:{hashlib.sha256(canonical_json(contents)).hexdigest()}"
