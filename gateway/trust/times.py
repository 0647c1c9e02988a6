"""Moments as release locks write them: RFC 3339 in UTC, whole seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def read_moment(text: str) -> datetime:
    """``2026-01-31T12:00:00Z`` as an aware time; raises ValueError for any other spelling."""
    if not _FORM.fullmatch(text):
        raise ValueError("must be a time in UTC such as 2026-01-31T12:00:00Z")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def write_moment(moment: datetime) -> str:
    """The one spelling of an aware time; parts of a second are cut off."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None):%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0")
