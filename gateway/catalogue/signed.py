"""Whether an index may be believed: who signed it, when, and what was seen before. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.catalogue.errors import CatalogueRefused
from gateway.catalogue.index import PAYLOAD_TYPE, Index, parse_index
from gateway.trust.envelope import parse_envelope, verifying_keys
from gateway.trust.keys import PublicKey
from gateway.trust.refusal import Refused
from gateway.trust.times import write_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest index that was ever taken: its serial, and the sha256 of its payload in hexadecimal."""

    serial: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an index has to meet. ``name`` is the catalogue's own, empty where it is not known yet."""

    keys: Sequence[PublicKey]
    threshold: int
    name: str = ""
    seen: Seen = Seen()


def open_index(data: bytes, expected: Expected) -> tuple[Index, bytes]:
    """The index in an envelope, and its payload; raises :class:`CatalogueRefused` and nothing else.

    An index that has expired is returned: :func:`require_fresh` is for those that were just fetched.
    """
    try:
        envelope = parse_envelope(data)
    except Refused as error:
        raise CatalogueRefused(error.detail, hint=_PUBLISHER, reason="unreadable") from None
    if envelope.payload_type != PAYLOAD_TYPE:
        raise CatalogueRefused(
            f"What is there is signed as {envelope.payload_type!r}, not as a catalogue ({PAYLOAD_TYPE}).",
            hint="Check the address: it has to be that of the catalogue's index.",
            reason="unreadable",
        )
    _require_signatures(len(verifying_keys(envelope, expected.keys)), expected, envelope.claimed_keys)
    return parse_index(envelope.payload), envelope.payload


def require_successor(index: Index, sha256: str, expected: Expected) -> None:
    """Raises :class:`CatalogueRefused` where the index is another catalogue's, or older than one seen."""
    if expected.name and index.name != expected.name:
        raise CatalogueRefused(
            f"This is the catalogue '{index.name}', and '{expected.name}' was added.",
            hint="Check the address. If its publisher renamed it, remove it and add it again.",
            reason="other-name",
        )
    seen = expected.seen
    if index.serial < seen.serial:
        raise CatalogueRefused(
            f"What is there has the serial {index.serial}, which is older than {seen.serial}, seen before.",
            hint="Somebody may hide newer versions; what was seen before is kept. Ask its publisher.",
            reason="rollback",
        )
    if index.serial == seen.serial and sha256 != seen.sha256:
        raise CatalogueRefused(
            f"There are two different indexes with the serial {index.serial}.",
            hint="Ask its publisher to issue one with a higher serial; what was seen first is kept.",
            reason="replaced",
        )


def require_fresh(index: Index, now: datetime) -> None:
    """Raises :class:`CatalogueRefused` for an index past its time: somebody may hold it back."""
    if index.expires <= now:
        raise CatalogueRefused(
            f"The index expired at {write_moment(index.expires)}.",
            hint="Its publisher has to issue it anew, or somebody holds newer ones back; "
            "also see whether this machine's clock is right.",
            reason="expired",
        )


def _require_signatures(found: int, expected: Expected, claimed: Sequence[str]) -> None:
    if found >= expected.threshold:
        return
    if found:
        raise CatalogueRefused(
            f"{found} of the {expected.threshold} keys that are needed have signed it.",
            hint="The other key holders have to sign it too: plugway catalogue cosign FILE --key KEY",
            reason="threshold",
        )
    by = f" It says it is signed by {', '.join(key[:12] for key in claimed)}." if claimed else ""
    raise CatalogueRefused(
        f"None of the keys that were given for this catalogue has signed it, or it was changed since.{by}",
        hint="Get the publisher's key over a way that you trust, and compare: plugway key show FILE.pub",
        reason="signature",
    )


_PUBLISHER = "Check the address; if it is right, tell whoever publishes the catalogue."
