"""The root of every error that Plugway raises on purpose.

    PlugwayError
    ├── BadInput            422  the caller sent something that cannot hold
    ├── NotFound            404  nothing of that name
    ├── Conflict            409  true, but not now
    ├── Unauthenticated     401  no valid token or session
    ├── Forbidden           403  known, but not allowed
    ├── Unavailable         503  there, but away; says why and when to try again
    └── Internal            500  ours to mend

Leaves live beside their owner. Each has a stable ``key``, which becomes the
problem document's ``type``, an HTTP status, and the next step in ``hint``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class PlugwayError(Exception):
    """What went wrong (``detail``), and what to do about it (``hint``).

    ``fields`` maps JSON Pointers to reasons; ``retry_after`` is in seconds.
    None of the texts may contain a secret.
    """

    key: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    status: ClassVar[int] = 500

    def __init__(
        self,
        detail: str,
        *,
        hint: str = "",
        plugin: str = "",
        reason: str = "",
        fields: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.plugin = plugin
        self.reason = reason
        self.fields = dict(fields or {})
        self.retry_after = retry_after

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 document for this error, as a JSON object."""
        document: dict[str, Any] = {
            "type": f"urn:plugway:problem:{self.key}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        optional = {"hint": self.hint, "plugin": self.plugin, "reason": self.reason}
        document.update({name: value for name, value in optional.items() if value})
        if self.fields:
            document["errors"] = [{"field": name, "message": text} for name, text in self.fields.items()]
        return document


class BadInput(PlugwayError):
    key, title, status = "bad-input", "Input refused", 422


class NotFound(PlugwayError):
    key, title, status = "not-found", "Not found", 404


class Conflict(PlugwayError):
    key, title, status = "conflict", "Conflict", 409


class Unauthenticated(PlugwayError):
    key, title, status = "unauthenticated", "Sign in first", 401


class Forbidden(PlugwayError):
    key, title, status = "forbidden", "Not allowed", 403


class Unavailable(PlugwayError):
    key, title, status = "unavailable", "Not available now", 503


class Internal(PlugwayError):
    key, title, status = "internal", "Internal error", 500
