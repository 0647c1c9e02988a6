"""The release lock as people see it: what was resolved, every digest, who signed, what it may do. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gateway.api.convert import permissions_view, trust_view
from gateway.api.trust_views import TrustView
from gateway.api.view_base import View
from gateway.api.views import PermissionsView
from gateway.catalogue.offers import as_document
from gateway.model import RemoteArtifact, Source, Tier
from gateway.registry.records import PluginRecord, ReleaseRecord
from gateway.trust.envelope import parse_envelope
from gateway.trust.lock import release_lock
from gateway.trust.standing import Standing
from gateway.trust.statement import parse_statement


class DigestView(View):
    name: str = Field(description="`image`, `plugin`, `archive` or `ui/PATH`.", examples=["ui/index.js"])
    digest: str = Field(examples=["sha256:" + "0" * 64])


class LockView(View):
    """The release in use, with all that it was installed on."""

    release_id: str
    version: str
    source: Source
    tier: Tier
    asked: dict[str, Any] = Field(description="The definition that it was resolved from.")
    resolved: str = Field(description="What that came to: a directory, an image or an endpoint.")
    digests: list[DigestView] = Field(
        description="Of everything that lies here; empty for what runs elsewhere."
    )
    trust: TrustView
    permissions: PermissionsView
    lock: dict[str, Any] = Field(description="Everything that the release's id is made from.")
    signed: dict[str, Any] | None = Field(
        description="The lock that the publisher signed: null where nobody has."
    )


def lock_view(plugin: PluginRecord, record: ReleaseRecord, standing: Standing | None) -> LockView:
    """Reads the envelope, which takes up to half a second for the largest."""
    release = record.release
    asked = as_document(plugin.definition)
    # An envelope is shown below, in words; here it would hide the rest.
    asked.pop("signature", None)
    return LockView(
        release_id=release.id,
        version=release.version,
        source=release.source,
        tier=release.tier,
        asked=asked,
        resolved=_resolved(record),
        digests=[DigestView(name=name, digest=digest) for name, digest in sorted(_digests(record).items())],
        trust=trust_view(record, standing),
        permissions=permissions_view(release.permissions),
        lock=release_lock(release),
        signed=_signed(record),
    )


def _resolved(record: ReleaseRecord) -> str:
    match record.release.artifact:
        case RemoteArtifact(address=address):
            return address
        case artifact:
            name = (
                getattr(artifact, "reference", "") or f"{record.release.plugin_id} {record.release.version}"
            )
            return f"{name} ({artifact.digest})" if artifact.digest not in name else name


def _digests(record: ReleaseRecord) -> dict[str, str]:
    """Artefacts as they were fetched, what runs of them, and each file of the page."""
    found = dict(record.acceptance.subjects or {}) if record.acceptance else {}
    match record.release.artifact:
        case RemoteArtifact():
            pass
        case artifact:
            found["image" if artifact.kind == "image" else "plugin"] = artifact.digest
    if record.ui is not None:
        found |= {f"ui/{path}": f"sha256:{digest}" for path, digest in record.ui.files.items()}
    return found


def _signed(record: ReleaseRecord) -> dict[str, Any] | None:
    if record.acceptance is None or not record.acceptance.envelope:
        return None
    statement = parse_statement(parse_envelope(record.acceptance.envelope).payload)
    return statement.lock.model_dump(mode="json", by_alias=True, exclude_none=True)
