"""One answer of the service, read to its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """``headers`` are found in any case; ``url`` is where it came from."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def where(self) -> str:
        """Host, and port where one was named."""
        return urlsplit(self.url).netloc

    def document(self) -> dict[str, Any]:
        """The JSON object in it; empty where there is none."""
        try:
            found = json.loads(self.content)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
