"""Answers that need no task: files of UIs that are in memory, for plain requests.

A page's first load asks for many such files, and carrying one through ASGI costs several times what
the file itself does. Here is only what a request like one before it is answered with: whatever is out of
the ordinary is nobody's here, and goes the usual way (:mod:`gateway.proxy.ui`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.proxy.assets import Assets
from gateway.proxy.counters import READ, Counters
from gateway.proxy.headers import Pairs
from gateway.proxy.prepared import PreparedRoute

Prompt = Callable[[bytes, bytes], tuple[bytes, bytes] | None]
"""For a plain GET's target and ``Accept-Encoding``: the answer's header lines and its body.

None: the usual way.
"""

MARK = b"/ui/~"
"""In each target that may have such an answer."""

_MOST = 1024
_HEADS, _HEAD_BYTES = 512, 2048
# Beside what the client takes: a condition, a body or another protocol, none of which is plain.
_TELLING = frozenset(
    {
        b"accept-encoding", b"range", b"if-range", b"if-none-match", b"expect", b"te", b"trailer", b"upgrade",
        b"content-length", b"transfer-encoding",
    }
)  # fmt: skip


def plain(headers: Pairs) -> bytes | None:
    """The ``Accept-Encoding`` of a request that asks for no more than a whole file, else None."""
    accepted = b""
    for name, value in headers:
        if name in _TELLING:
            if name != b"accept-encoding":
                return None
            accepted = accepted + b"," + value if accepted else value
    return accepted


class _Ready:
    __slots__ = ("counters", "digest", "name", "route")

    def __init__(self, route: PreparedRoute, digest: str, name: str, counters: Counters) -> None:
        self.route = route
        self.digest = digest
        self.name = name
        self.counters = counters


class PromptFiles:
    """The files that were sent by a capability since, by the path they were asked for; 1,024 of them.

    ``find`` is the route as it is now: with another one, the path has to be judged again. ``busy`` is
    true while some calls are refused.
    """

    def __init__(
        self, assets: Assets, find: Callable[[bytes], PreparedRoute | None], busy: Callable[[], bool]
    ) -> None:
        self._assets = assets
        self._find = find
        self._busy = busy
        self._ready: dict[bytes, _Ready] = {}

    def remember(self, path: bytes, route: PreparedRoute, digest: str, name: str, counters: Counters) -> None:
        """The file went out for ``path``, as the request line had it, and was counted there."""
        # Else one file could be here under as many paths as there are ways to write its name.
        if b"%" in path:
            return
        if len(self._ready) >= _MOST and path not in self._ready:
            self._ready.pop(next(iter(self._ready)))
        self._ready[path] = _Ready(route, digest, name, counters)

    def forget(self) -> None:
        """Some bundle is not known any more."""
        self._ready.clear()

    def answer(self, target: bytes, accepted: bytes) -> tuple[bytes, bytes] | None:
        """See :data:`Prompt`. What it returns has been counted, and must be sent."""
        found = self._ready.get(target)
        if found is None:
            return None
        started = time.perf_counter()
        if self._busy() or (kept := self._assets.kept(found.digest, accepted)) is None:
            return None
        if self._find(found.route.key) is not found.route:
            del self._ready[target]
            return None
        lines = kept.lines(found.digest, found.name)
        found.counters.count(READ, 200, time.perf_counter() - started)
        return lines, kept.content


class Heads:
    """What the connections of a server share: heads that were read before, and how an answer begins.

    Frames have no cookie and no referrer, so browsers of one kind ask for a file with the same bytes.
    What the parser made of them once, it would make of them again.
    """

    def __init__(self) -> None:
        self.read: dict[bytes, tuple[bytes, bytes]] = {}
        self._of: Pairs | None = None
        self._lines = b""

    def keep(self, data: bytes, target: bytes, accepted: bytes) -> None:
        """``data`` is one whole plain GET and nothing beside, on a connection that had none half read."""
        if len(data) > _HEAD_BYTES:
            return
        if len(self.read) >= _HEADS:
            self.read.pop(next(iter(self.read)))
        self.read[data] = (target, accepted)

    def find(self, data: bytes) -> tuple[bytes, bytes] | None:
        """The target and the ``Accept-Encoding`` of a request that was kept."""
        # A long one would cost more to look up than to parse.
        return self.read.get(data) if len(data) <= _HEAD_BYTES else None

    def begin(self, defaults: Pairs) -> bytes:
        """The status line, and ``defaults`` below it; the list is never changed in its place."""
        if defaults is not self._of:
            self._lines = b"HTTP/1.1 200 OK\r\n" + b"".join(b"%s: %s\r\n" % pair for pair in defaults)
            self._of = defaults
        return self._lines
