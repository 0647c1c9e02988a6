"""What calls are judged by, as one value: data planes need this and no database."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

from gateway.access.call_keys import CallKey, dump_key, load_key
from gateway.model import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTable:
    """Immutable and numbered; a higher number replaces a lower one. Holds keys: never shown, never stored.

    ``ended`` has the ids of sessions that were ended early, and when they would have expired (Unix
    seconds). ``session_key`` checks sessions, ``asset_key`` signs the capabilities of UI files,
    ``call_key`` proves to plugins who calls.
    """

    number: int = 0
    tokens: tuple[Token, ...] = ()
    ended: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    session_key: bytes = field(default=b"", repr=False)
    asset_key: bytes = field(default=b"", repr=False)
    call_key: CallKey | None = None

    def dump(self) -> bytes:
        """For the way to another process of this gateway."""
        document = {
            "number": self.number,
            "tokens": [{**asdict(token), "digest": token.digest.hex()} for token in self.tokens],
            "ended": dict(self.ended),
            "session_key": _text(self.session_key),
            "asset_key": _text(self.asset_key),
            "call_key": dump_key(self.call_key) if self.call_key else None,
        }
        return json.dumps(document).encode()

    @classmethod
    def load(cls, data: bytes) -> AccessTable:
        """What :meth:`dump` wrote."""
        document = json.loads(data)
        return cls(
            number=document["number"],
            tokens=tuple(_token(row) for row in document["tokens"]),
            ended=MappingProxyType(document["ended"]),
            session_key=base64.b64decode(document["session_key"]),
            asset_key=base64.b64decode(document["asset_key"]),
            call_key=load_key(document["call_key"]) if document["call_key"] else None,
        )


class AccessBoard:
    """Holds the current table and tells subscribers of each new one, as SnapshotBoard does of routes."""

    def __init__(self, table: AccessTable) -> None:
        self._current = table
        self._listeners: list[Callable[[AccessTable], None]] = []

    @property
    def current(self) -> AccessTable:
        return self._current

    def change(self, **changes: Any) -> AccessTable:
        """Publish the table with these fields replaced; nothing where they are equal."""
        changed = replace(self._current, **changes)
        if changed == self._current:
            return changed
        self._current = replace(changed, number=self._current.number + 1)
        for listener in tuple(self._listeners):
            listener(self._current)
        return self._current

    def subscribe(self, listener: Callable[[AccessTable], None]) -> Callable[[], None]:
        """Call ``listener`` now and on every change; returns how to stop that."""
        self._listeners.append(listener)
        listener(self._current)
        return lambda: self._listeners.remove(listener)


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _token(row: dict[str, Any]) -> Token:
    grants = tuple((str(plugin), str(grant)) for plugin, grant in row["grants"])
    return Token(**{**row, "digest": bytes.fromhex(row["digest"]), "grants": grants})
