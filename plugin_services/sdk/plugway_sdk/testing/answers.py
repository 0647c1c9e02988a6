"""What a test gets back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from plugway.plugin.v1 import http_pb2


class Headers(Mapping[str, str]):
    """Header fields by name, whatever its case; the last of equal names wins, see ``get_list``."""

    def __init__(self, raw: Iterable[http_pb2.HttpHeader]) -> None:
        self._items = [(h.name.decode("latin-1").lower(), h.value.decode("latin-1")) for h in raw]
        self._last = dict(self._items)

    def __getitem__(self, name: str) -> str:
        return self._last[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    def __repr__(self) -> str:
        return f"Headers({self._items})"

    def get_list(self, name: str) -> list[str]:
        return [value for key, value in self._items if key == name.lower()]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One whole answer. ``streamed`` tells that it came in parts, by ReadBody or Exchange."""

    status_code: int
    headers: Headers
    content: bytes
    trailers: Headers = field(default_factory=lambda: Headers(()))
    streamed: bool = False

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    def raise_for_status(self) -> Answer:
        """Raises AssertionError with the answer's text where it is no success."""
        assert self.is_success, f"{self.status_code}: {self.content[:2000].decode(errors='replace')}"
        return self


@dataclass(frozen=True, kw_only=True)
class ServerSentEvent:
    """One event; a ``retry`` alone comes as an event without data."""

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None

    def json(self) -> Any:
        return json.loads(self.data)
