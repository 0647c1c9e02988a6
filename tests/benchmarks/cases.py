"""What is measured: one row of the table each."""

from __future__ import annotations

from dataclasses import dataclass

KIB, MIB = 2**10, 2**20
TRANSFER = 100 * MIB
PART = 64 * KIB
"""Bytes of one part of a body that is streamed."""
STREAMS = 1000
ECHO = b"x" * 100
"""A WebSocket message; no longer, so that its frame has the shortest head."""


@dataclass(frozen=True, slots=True)
class Case:
    """``path`` is the plugin's. ``rate`` of the open loop is calls a second; 0 leaves that out.

    ``at_once`` connections make the calls of the closed loop.
    """

    name: str
    title: str
    path: str
    rate: float = 0.0
    at_once: int = 16
    kind: str = "get"

    @property
    def transfer(self) -> bool:
        """Whether a call is one long body."""
        return self.name in ("down", "up")


CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case("small", "small JSON", "/notes/1", rate=200),
        Case("64k", "64 KiB", f"/blob/{64 * KIB}", rate=100, at_once=8),
        Case("1m", "1 MiB", f"/blob/{MIB}", rate=20, at_once=4),
        Case("down", "100 MiB down", f"/stream/{TRANSFER}", at_once=1),
        Case("up", "100 MiB up", "/upload", at_once=1, kind="upload"),
        Case("events", f"{STREAMS:,} idle event streams", "/events", at_once=1, kind="events"),
        Case("websocket", "WebSocket echo", "/echo", rate=200, kind="websocket"),
        Case("typed", "typed call", "/notes/1", rate=200, kind="typed"),
        Case("asset", "UI asset, 40 KiB", "/page.js", rate=200, kind="asset"),
    )
}
ASSET = (b"// a page's code, which a gateway serves from its own store\n" * 700)[: 40 * KIB]
