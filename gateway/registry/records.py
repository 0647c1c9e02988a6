"""What the registry stores: what the operator wants, and what a restart must remember."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.definition import PluginDefinition
from gateway.model import Endpoint, InstanceId, Manifest, Ownership, PluginId, Release, ReleaseId
from gateway.ui_bundles import UiBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSettings:
    """Settings in force. ``secrets`` maps JSON Pointers to values and is never logged."""

    values: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    schema_version: int = 1
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRecord:
    """One installed plugin: the operator's wish. Times are Unix seconds.

    ``rollout_defaults`` is what a rollout of it takes where the request says nothing.
    ``limits`` is what its operator lets callers do, see ``supervisor.limits.LimitOptions``.
    ``slot`` tells the instance in use from others of the same release, see ``plan.instance_id``.
    """

    id: PluginId
    definition: PluginDefinition
    release_id: ReleaseId
    enabled: bool = True
    pinned: bool = False
    settings: PluginSettings = field(default_factory=PluginSettings)
    installed_at: float = 0.0
    updated_at: float = 0.0
    rollout_defaults: Mapping[str, Any] = field(default_factory=dict)
    slot: int = 0
    limits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Why a release from elsewhere was let in, and what that was found on. ``at`` is in Unix seconds.

    ``subjects`` are the artefacts as they were fetched; ``envelope`` is the signature, empty where
    there was none; ``claimed`` a digest that the definition gave in its place. ``rule``, ``signer``,
    ``keys`` and ``words`` are those of the verdict.
    """

    at: float
    verified: bool
    rule: str
    words: str
    signer: str = ""
    keys: tuple[str, ...] = ()
    envelope: bytes = b""
    subjects: Mapping[str, str] | None = None
    claimed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """A release and what was learnt from its first start; ``manifest`` is fixed from then on."""

    release: Release
    acceptance: Acceptance | None = None
    manifest: Manifest | None = None
    ui: UiBundle | None = None
    added_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRecord:
    """An instance that the gateway means to exist, written before it is started.

    ``lease_until`` is Unix time for self-registered ones, 0 for the others.
    """

    id: InstanceId
    plugin_id: PluginId
    release_id: ReleaseId
    ownership: Ownership
    runtime: str
    endpoint: Endpoint | None = None
    lease_until: float = 0.0
    settings_revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRecord:
    """A rollout as stored. ``document`` belongs to the rollout machine; the registry only keeps it.

    ``timeline`` has one entry for each transition: ``at`` (Unix seconds), ``phase``, ``reason``.
    ``before`` are the settings that were in force when it began: the stable side keeps them.
    """

    id: str
    plugin_id: PluginId
    live: bool
    document: Mapping[str, Any]
    before: PluginSettings | None = None
    timeline: tuple[Mapping[str, Any], ...] = ()
    created_at: float = 0.0
    updated_at: float = 0.0
