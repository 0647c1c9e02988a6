"""Plugins that something else runs: the gateway only attaches to their endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from gateway.definition import PluginDefinition
from gateway.digests import make_release
from gateway.errors import BadInput
from gateway.model import PluginId, Release, RemoteArtifact, Source, Tier, UiType
from gateway.sources.base import CatalogEntry, ReleaseSource
from gateway.sources.evidence import Evidence

_FORMS = "grpc://host:port, grpcs://host:port or unix:///path/to/plugin.sock"
_NOT_HERE = ("download_url", "checksum", "signature", "signer", "ui_config", "api_base_url")


class RemoteSource:
    """Turns a ``sourceUrl`` into a release. Nothing is fetched: the plugin is met when it is attached.

    Definitions of plain HTTP servers, which name an ``apiBaseUrl`` or a page, go to ``over_http``.
    """

    def __init__(self, over_http: ReleaseSource | None = None) -> None:
        self._over_http = over_http

    async def resolve(self, definition: PluginDefinition) -> Release:
        """``version`` stays empty where the definition names none: the plugin says it itself."""
        if (
            self._over_http
            and not definition.source_url
            and (definition.api_base_url or definition.ui_config)
        ):
            return await self._over_http.resolve(definition)
        given = [name for name in _NOT_HERE if getattr(definition, name)]
        if given:
            fields = type(definition).model_fields
            raise BadInput(
                "A remote plugin is attached where it runs; nothing is fetched for it.",
                fields={f"/{fields[name].alias}": "does not apply to the source 'remote'" for name in given},
                hint="Leave these fields out, or name another source.",
                plugin=definition.id,
            )
        artifact = remote_artifact(definition.source_url)
        plugin_id = PluginId(definition.id)
        ui_type = definition.ui_type or UiType.NONE
        return make_release(
            plugin_id=plugin_id,
            version=definition.version,
            name=definition.name or definition.id,
            source=Source.REMOTE,
            tier=Tier.EXTERNAL,
            artifact=artifact,
            ui_type=ui_type,
        )

    async def evidence(self, definition: PluginDefinition, release: Release) -> Evidence:
        """Of an endpoint there is none: the gateway holds no byte of what runs there."""
        if self._over_http and not isinstance(release.artifact, RemoteArtifact):
            return await self._over_http.evidence(definition, release)
        return Evidence()

    async def available(self) -> Sequence[CatalogEntry]:
        return ()


def remote_artifact(url: str) -> RemoteArtifact:
    """Read a ``sourceUrl``; raises :class:`BadInput` on any other form."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _bad(f"is not a URL; write {_FORMS}") from None
    if parts.username is not None or parts.password is not None:
        # Not repeated: it may hold a password.
        raise _bad("must not hold a user or password")
    if parts.query or parts.fragment or any(char.isspace() for char in url):
        raise _bad(f"holds more than an address; write {_FORMS}")
    if parts.scheme == "unix":
        if parts.netloc or not parts.path.startswith("/") or "/../" in f"{parts.path}/":
            raise _bad("must be unix:// and an absolute path without '..'")
        return RemoteArtifact(address=f"unix:{parts.path}")
    if parts.scheme not in ("grpc", "grpcs"):
        raise _bad(f"must be {_FORMS}")
    if not parts.hostname or not port or parts.path not in ("", "/"):
        raise _bad(f"needs a host and a port and nothing else; write {parts.scheme}://host:port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    identity = parts.hostname if parts.scheme == "grpcs" else ""
    return RemoteArtifact(address=f"{host}:{port}", identity=identity)


def _bad(why: str) -> BadInput:
    return BadInput(
        "The sourceUrl of a remote plugin does not hold.",
        fields={"/sourceUrl": why},
        hint=f"Write {_FORMS}.",
    )
