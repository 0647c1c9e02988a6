"""What is judged to say who vouched for a release: its artefacts as they were fetched, and signatures."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.definition import PluginDefinition
from gateway.errors import BadInput

if TYPE_CHECKING:
    from gateway.sources.fetch import Fetcher

MAX_SIGNATURE = 2**20
"""Bytes of a signature envelope that a definition may point to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """``subjects`` are named as :mod:`gateway.trust.subjects` says; None where the release itself has them.

    ``envelopes`` are signatures, not judged yet. ``claimed`` is a digest that a definition gave as
    its ``signature``, which proves nothing.
    """

    subjects: Mapping[str, str] | None = None
    envelopes: tuple[bytes, ...] = ()
    claimed: str = ""


async def given(definition: PluginDefinition, fetcher: Fetcher) -> Evidence:
    """The signature that the definition holds, or names by URL; raises :class:`BadInput`."""
    signature = definition.signature.strip()
    if not signature:
        return Evidence()
    if signature.startswith("sha256:"):
        return Evidence(claimed=signature)
    if signature.startswith(("https://", "http://")):
        return Evidence(envelopes=(await fetcher.document(signature, limit=MAX_SIGNATURE),))
    if signature.startswith("{"):
        return Evidence(envelopes=(signature.encode(),))
    try:
        return Evidence(envelopes=(base64.b64decode(signature, validate=True),))
    except (binascii.Error, ValueError):
        raise BadInput(
            "The signature of the definition cannot be read.",
            fields={"/signature": "must be a DSSE envelope: its JSON, that in base64, or a URL of it"},
            hint="The file that 'plugway sign' writes is such an envelope.",
            plugin=definition.id,
        ) from None
