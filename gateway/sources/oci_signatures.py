"""Signatures beside an image: found by the referrers API, or under the tag that stands in for it.

An artifact of type :data:`ARTIFACT` whose subject is the image's digest holds a DSSE envelope. It is
handed on as bytes: who signed, and whether that counts, is not judged here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from gateway.sources.base import SourceUnreadable
from gateway.sources.oci_documents import (
    MAX_DOCUMENT,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Document,
    digest_of,
    read_document,
)
from gateway.sources.oci_registry import Registry

ARTIFACT = "application/vnd.plugway.release.v1+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
MAX_ENVELOPES = 16
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"


async def envelopes(registry: Registry, digest: str) -> tuple[bytes, ...]:
    """The envelopes attached to the image, newest last as the registry lists them; often one, or none.

    Raises as :meth:`Registry.document`, and what is listed but is not there is left out.
    """
    found: list[bytes] = []
    for descriptor in await _listed(registry, digest):
        document = await registry.find(descriptor.digest)
        if document is None or document.is_index or document.subject != digest:
            continue
        if document.artifact_type == ARTIFACT:
            found += [await registry.blob(layer) for layer in document.layers if layer.media_type == ENVELOPE]
    return tuple(found[-MAX_ENVELOPES:])


async def push_envelope(registry: Registry, digest: str, envelope: bytes) -> str:
    """Attach an envelope to the image; returns the digest of the new artifact.

    To push the same once more changes nothing. Raises as :meth:`Registry.document`.
    """
    image = await registry.document(digest)
    await _push_blob(registry, _EMPTY)
    await _push_blob(registry, envelope)
    manifest = _dump(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": ARTIFACT,
            "config": _named(_EMPTY_TYPE, _EMPTY),
            "layers": [_named(ENVELOPE, envelope)],
            "subject": {"mediaType": image.media_type, "digest": digest, "size": image.size},
        }
    )
    answer = await _put(registry, digest_of(manifest), OCI_MANIFEST, manifest)
    if "oci-subject" not in answer:
        await _list_under_tag(registry, digest, manifest)
    return digest_of(manifest)


def fallback_tag(digest: str) -> str:
    """https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema"""
    return digest.replace(":", "-")


async def _listed(registry: Registry, digest: str) -> tuple[Descriptor, ...]:
    answer = await registry.send("GET", f"/referrers/{digest}", headers={"Accept": OCI_INDEX})
    index: Document | None
    if answer.status == 200:
        index = read_document(answer.body, content_type=OCI_INDEX, wanted="", announced="")
    elif answer.status in (400, 404, 405):
        # The registry is older than that API.
        index = await registry.find(fallback_tag(digest))
    else:
        raise SourceUnreadable(f"The registry answers {answer.status} when asked for signatures.")
    if index is None or not index.is_index:
        return ()
    return tuple(_of_ours(index.manifests))[-MAX_ENVELOPES:]


def _of_ours(listed: Iterable[Descriptor]) -> list[Descriptor]:
    """Those that may be ours: lists without a type are made by older tools."""
    return [d for d in listed if d.artifact_type in (ARTIFACT, "") and d.media_type == OCI_MANIFEST]


async def _list_under_tag(registry: Registry, digest: str, manifest: bytes) -> None:
    tag = fallback_tag(digest)
    before = await registry.find(tag)
    entries: list[Any] = list(before.content["manifests"]) if before and before.is_index else []
    entry = {**_named(OCI_MANIFEST, manifest), "artifactType": ARTIFACT}
    if any(known.get("digest") == entry["digest"] for known in entries):
        return
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, entry]}
    await _put(registry, tag, OCI_INDEX, _dump(index))


async def _push_blob(registry: Registry, data: bytes) -> None:
    digest = digest_of(data)
    if len(data) > MAX_DOCUMENT:
        raise SourceUnreadable(f"The envelope has {len(data)} bytes; {MAX_DOCUMENT} are the most.")
    if (await registry.send("HEAD", f"/blobs/{digest}")).status == 200:
        return
    begun = await registry.send("POST", "/blobs/uploads/", headers={"Content-Length": "0"})
    place = begun.headers.get("location", "")
    if begun.status != 202 or not place:
        raise _not_taken(begun.status)
    place = registry.absolute(place)
    ended = await registry.send(
        "PUT",
        f"{place}{'&' if '?' in place else '?'}digest={digest}",
        headers={"Content-Type": "application/octet-stream"},
        content=data,
    )
    if ended.status != 201:
        raise _not_taken(ended.status)


async def _put(registry: Registry, which: str, kind: str, data: bytes) -> frozenset[str]:
    """The names of the headers that the registry answers with."""
    answer = await registry.send("PUT", f"/manifests/{which}", headers={"Content-Type": kind}, content=data)
    if answer.status != 201:
        raise _not_taken(answer.status)
    return frozenset(answer.headers)


def _not_taken(status: int) -> SourceUnreadable:
    return SourceUnreadable(
        f"The registry does not take the signature: it answers {status}.",
        hint="Check that this login may push to it, or ship the signature as a file beside the definition.",
    )


def _named(kind: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
