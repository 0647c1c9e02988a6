"""What is asked of a fetcher by those who want small documents and nothing else."""

from __future__ import annotations

from typing import Protocol


class Documents(Protocol):
    async def document(self, url: str, *, limit: int) -> bytes:
        """The bytes there, at most ``limit``; raises as :meth:`gateway.sources.fetch.Fetcher.document`."""
        ...
