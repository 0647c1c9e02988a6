"""Values that every part of the gateway speaks of. No I/O, nothing mutable."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

from gateway.call_limits import Quotas

PluginId = NewType("PluginId", str)
ReleaseId = NewType("ReleaseId", str)
InstanceId = NewType("InstanceId", str)

PLUGIN_ID = re.compile(r"[a-z][a-z0-9-]{1,62}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
EGRESS = re.compile(r"settings:(/[^/\s]+)+|[A-Za-z0-9.-]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}")
VOLUME_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


IMAGE_MANIFEST = "io.plugway.manifest"
"""The label of an image that says in JSON which plugin is in it and what it may do."""


class Source(StrEnum):
    """Where a release comes from."""

    BUILT_IN = "built-in"
    OCI = "oci"
    CDN = "cdn"
    NPM = "npm"
    REMOTE = "remote"


class Tier(StrEnum):
    """Trusted and shipped with the gateway, or trusted by the operator's policy."""

    BUILT_IN = "built-in"
    EXTERNAL = "external"


class Ownership(StrEnum):
    """How an instance came into the registry, hence who may stop it."""

    MANAGED = "managed"
    REMOTE = "remote"
    DISCOVERED = "discovered"
    SELF_REGISTERED = "self-registered"


class UiType(StrEnum):
    NONE = "none"
    STATIC = "static"
    REACT_COMPONENT = "react_component"


class Access(StrEnum):
    """Who may call a plugin's route."""

    PUBLIC = "public"
    USER = "user"
    ADMIN = "admin"


class PluginState(StrEnum):
    """What a caller of the plugin meets. Only ``HEALTHY`` is routed normally."""

    HEALTHY = "healthy"
    STARTING = "starting"
    UPDATING = "updating"
    UNHEALTHY = "unhealthy"
    DISABLED = "disabled"
    QUARANTINED = "quarantined"


class InstanceState(StrEnum):
    """What a runtime sees, apart from health."""

    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"


class Voice(StrEnum):
    """Which of the three ways of watching health spoke."""

    ACTIVE = "active"
    PASSIVE = "passive"
    RUNTIME = "runtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What a release may do outside its container.

    ``egress`` holds ``host:port`` or ``settings:/json/pointer``; ``volumes`` the
    names of directories that outlive the container; ``origins`` what its page may load from other
    hosts, as :mod:`gateway.page_origins` writes it.
    """

    egress: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def exceeds(self, granted: Permissions) -> Permissions:
        """The part of these that ``granted`` does not hold."""
        return Permissions(
            egress=tuple(e for e in self.egress if e not in granted.egress),
            volumes=tuple(v for v in self.volumes if v not in granted.volumes),
            origins=tuple(o for o in self.origins if o not in granted.origins),
        )

    def __or__(self, other: Permissions) -> Permissions:
        return Permissions(
            egress=tuple(dict.fromkeys((*self.egress, *other.egress))),
            volumes=tuple(dict.fromkeys((*self.volumes, *other.volumes))),
            origins=tuple(dict.fromkeys((*self.origins, *other.origins))),
        )

    def __bool__(self) -> bool:
        return bool(self.egress or self.volumes or self.origins)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryArtifact:
    """A plugin shipped as a directory; runs as a process or in an image built from it.

    ``digest`` covers every file. ``command`` may contain ``{python}``.
    """

    path: str
    digest: str
    command: tuple[str, ...]
    image: str
    kind: str = field(default="directory", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageArtifact:
    """An image that is run by digest."""

    reference: str
    digest: str
    kind: str = field(default="image", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteArtifact:
    """An endpoint that something else runs; ``identity`` is its TLS server name."""

    address: str
    identity: str = ""
    kind: str = field(default="remote", init=False)


Artifact = DirectoryArtifact | ImageArtifact | RemoteArtifact


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One immutable version of a plugin, as its lock writes it down.

    ``id`` is derived from the rest (see ``gateway.trust.lock``), so equal ids are
    equal releases.
    """

    id: ReleaseId
    plugin_id: PluginId
    version: str
    name: str
    source: Source
    tier: Tier
    artifact: Artifact
    permissions: Permissions = Permissions()
    ui_type: UiType = UiType.NONE
    signer: str = ""


VerifiedRelease = NewType("VerifiedRelease", Release)
"""A release that ``gateway.trust`` has judged; nothing else may make one (checked)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRule:
    """Access level of the paths under a prefix; empty ``methods`` means all."""

    path_prefix: str
    access: Access
    methods: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a plugin said of itself in Describe, checked and without I/O."""

    plugin_id: PluginId
    version: str
    name: str
    description: str = ""
    contract_version: int = 1
    permissions: Permissions = Permissions()
    routes: tuple[RouteRule, ...] = ()
    ui_type: UiType = UiType.NONE
    ui_entry: str = ""
    ui_styles: tuple[str, ...] = ()
    settings_schema: Mapping[str, Any] | None = None
    settings_version: int = 1
    settings_reads_from: int = 1
    settings_restart_required: bool = False
    one_way_migration: bool = False
    migration_explanation: str = ""
    services: tuple[str, ...] = ()
    quotas: Quotas = Quotas()
    openapi: Mapping[str, Any] | None = None
    descriptor_set: bytes = b""

    @property
    def typed(self) -> TypedServices | None:
        """The typed services; None where there are none."""
        if not self.services:
            return None
        digest = hashlib.sha256(self.descriptor_set).hexdigest() if self.descriptor_set else ""
        return TypedServices(names=self.services, descriptors=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths of the PEM files for mutual TLS, and the name the server must prove."""

    ca: str
    certificate: str
    key: str
    server_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where one incarnation of an instance answers the contract.

    ``address`` is a gRPC target: ``unix:/path`` or ``host:port``. ``incarnation``
    changes with every start, so that a channel to a dead process is never reused.
    ``mounted``: its socket lies where the plugin, and nobody else, may put something else in its place.
    ``plugin`` is named in every call where a server may carry several.
    """

    instance_id: InstanceId
    address: str
    incarnation: str = ""
    tls: TlsFiles | None = None
    mounted: bool = False
    plugin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitInfo:
    """How an instance ended. ``reason`` is a sentence for people."""

    reason: str
    code: int | None = None
    signal: int | None = None
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedServices:
    """gRPC services that clients may call, by full name.

    ``descriptors`` is the sha256 (hex) under which the content store has their descriptor set;
    empty where the plugin gave none, so that only native gRPC reaches them.
    """

    names: tuple[str, ...]
    descriptors: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How the gateway signs in to an image registry. The password is never shown."""

    username: str
    password: str = field(repr=False)


FindLogin = Callable[[str], Login | None]
"""The login for a registry (``host`` or ``host:port``), None where there is none. Blocking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as everybody may know it: its secret is nowhere. Times are Unix seconds.

    ``role`` holds for everything and may be empty; ``grants`` are pairs of a plugin (or ``*``)
    and what the token may do with it. ``expires_at`` is 0 where it never expires; ``used_at`` is
    coarse, and 0 where it was never used.
    """

    id: str
    name: str
    digest: bytes = field(repr=False)
    role: str = ""
    grants: tuple[tuple[str, str], ...] = ()
    created_at: float = 0.0
    created_by: str = ""
    expires_at: float = 0.0
    used_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as the gateway established it. ``session`` is empty for tokens.

    ``token`` is the id of the token that stands behind the call or its session. ``grants`` are
    those of :class:`Token`.
    """

    user: str
    role: str
    session: str = ""
    grants: tuple[tuple[str, str], ...] = ()
    token: str = ""
