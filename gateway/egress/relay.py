"""The relay of one instance: a Unix socket that leads where it was granted, and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

from gateway.egress.destinations import Destination
from gateway.egress.dial import BUFFER, Dialer, Streams
from gateway.egress.request import ESTABLISHED, HEAD_LIMIT, Refused, answer, wanted
from gateway.egress.tunnel import Tunnel
from gateway.model import InstanceId

_Task = asyncio.Task[None]
log = logging.getLogger(__name__)

HEAD_TIMEOUT = 10.0
"""Seconds for a plugin to say where it wants to go."""
_LOG_GAP = 10.0
"""Seconds between two lines about refusals of one instance, however many there are."""
_BACKLOG = 64
_LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayLimits:
    """``connections`` of one instance at once; ``idle`` in seconds without a byte either way."""

    connections: int
    idle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayStatus:
    """What went through the relay of an instance since this gateway began.

    ``sent`` and ``received`` are bytes, seen from the plugin; ``forbidden`` are those of the ``refusals``
    that were not granted, rather than not possible; ``refused_at`` is Unix time, 0 for never;
    ``problem`` says why the relay is not there, "" where it is. ``unmet`` are permissions that name
    no destination now, each with the reason.
    """

    granted: tuple[str, ...] = ()
    open: int = 0
    connections: int = 0
    sent: int = 0
    received: int = 0
    refusals: int = 0
    forbidden: int = 0
    last_refusal: str = ""
    refused_at: float = 0.0
    problem: str = ""
    unmet: tuple[str, ...] = ()


class Relay:
    """``owner`` is the (uid, gid) that alone may connect. Lives in the loop that :meth:`open` ran in."""

    def __init__(
        self,
        instance: InstanceId,
        place: Path,
        *,
        owner: tuple[int, int],
        dialer: Dialer,
        limits: RelayLimits,
    ) -> None:
        self._instance = instance
        self._place = place
        self._owner = owner
        self._dialer = dialer
        self._limits = limits
        self._granted: frozenset[Destination] = frozenset()
        self._server: asyncio.Server | None = None
        self._bound: tuple[int, int] = (0, 0)
        self._connections: dict[_Task, Destination | None] = {}
        self._status = RelayStatus()
        self._logged_at = -_LOG_GAP

    @property
    def status(self) -> RelayStatus:
        """May be read from any thread."""
        return self._status

    async def open(self) -> None:
        """Listen, or go on where it does; raises OSError. What an earlier gateway left is replaced."""
        if self._server is not None and await asyncio.to_thread(_identity, self._place) == self._bound:
            return
        await self._stop_listening()
        listening, self._bound = await asyncio.to_thread(_listen, self._place, self._owner)
        self._server = await asyncio.start_unix_server(self._meet, sock=listening, limit=BUFFER)

    async def close(self) -> None:
        """Cut every connection. The directory stays: a container may have it mounted."""
        await self._stop_listening()
        await self._cut(list(self._connections))
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._place.unlink)
        self._dialer.close()

    async def grant(self, destinations: frozenset[Destination]) -> None:
        """From now on these and no others; connections to what is granted no more are cut."""
        if destinations == self._granted:
            return
        self._granted = destinations
        self._note(granted=tuple(str(one) for one in sorted(destinations)))
        await self._cut([one for one, to in self._connections.items() if to and to not in destinations])

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _cut(self, connections: Sequence[_Task]) -> None:
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    # One connection --------------------------------------------------------------

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections[connection] = None
        self._note(open=len(self._connections))
        try:
            await self._serve(connection, (reader, writer))
        except asyncio.CancelledError:
            pass  # Cut by the gateway, which waits for this task: nobody above has to hear of it.
        except OSError:
            pass  # The plugin went away before it was answered.
        finally:
            writer.transport.abort()
            del self._connections[connection]
            self._note(open=len(self._connections))

    async def _serve(self, connection: _Task, inside: Streams) -> None:
        try:
            outside = await self._outside(connection, inside[0])
        except Refused as refused:
            self._refused(refused)
            inside[1].write(answer(refused))
            async with asyncio.timeout(HEAD_TIMEOUT):
                inside[1].close()
                await inside[1].wait_closed()
            return
        self._note(connections=self._status.connections + 1)
        inside[1].write(ESTABLISHED)
        await Tunnel(inside, outside, idle=self._limits.idle, sent=self._sent, received=self._received).run()

    async def _outside(self, connection: _Task, reader: asyncio.StreamReader) -> Streams:
        if len(self._connections) > 2 * self._limits.connections:
            # A flood is not even listened to; a few too many are told why.
            raise ConnectionAbortedError
        to = wanted(await _head(reader))
        if len(self._connections) > self._limits.connections:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"The plugin has {self._limits.connections} connections open, as many as it may.",
            )
        if to not in self._granted:
            raise Refused(HTTPStatus.FORBIDDEN, f"A connection to {to} is not granted to this plugin.")
        self._connections[connection] = to
        return await self._dialer.dial(to)

    # Telling ---------------------------------------------------------------------

    def _note(self, **changes: object) -> None:
        # Replaced as a whole: other threads read it at any moment.
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]

    def _sent(self, count: int) -> None:
        self._note(sent=self._status.sent + count)

    def _received(self, count: int) -> None:
        self._note(received=self._status.received + count)

    def _refused(self, refused: Refused) -> None:
        words = refused.words[:_LONGEST_WORDS]
        forbidden = self._status.forbidden + (refused.status is HTTPStatus.FORBIDDEN)
        refusals = self._status.refusals + 1
        self._note(refusals=refusals, forbidden=forbidden, last_refusal=words, refused_at=time.time())
        now = time.monotonic()
        if now - self._logged_at >= _LOG_GAP:
            self._logged_at = now
            log.warning("Egress of %s: %s (%d so far)", self._instance, words, self._status.refusals)


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The request up to its empty line; what follows it stays in ``reader``. Raises :class:`Refused`."""
    try:
        async with asyncio.timeout(HEAD_TIMEOUT):
            head = await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, "The request did not come to its end in time.") from None
    except asyncio.IncompleteReadError:
        raise ConnectionAbortedError from None
    except asyncio.LimitOverrunError:
        head = b" " * (HEAD_LIMIT + 1)
    if len(head) > HEAD_LIMIT:
        raise Refused(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"A request has at most {HEAD_LIMIT} bytes."
        )
    return head


def _listen(place: Path, owner: tuple[int, int]) -> tuple[socket.socket, tuple[int, int]]:
    """A listening socket at ``place``, its owner's alone, and its identity there. Blocking."""
    place.parent.mkdir(parents=True, exist_ok=True)
    # The instance may pass through to the socket, and neither list nor change what is there.
    place.parent.chmod(0o711)
    # Made whole under another name: no one meets it with other rights, or before it listens.
    fresh = place.with_name("new")
    fresh.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.setblocking(False)
        listening.bind(str(fresh))
        fresh.chmod(0o600)
        if os.getuid() == 0:
            os.chown(fresh, *owner)
        listening.listen(_BACKLOG)
        fresh.replace(place)
        return listening, _identity(place)
    except BaseException:
        listening.close()
        raise


def _identity(place: Path) -> tuple[int, int]:
    try:
        status = place.stat()
    except FileNotFoundError:
        return (0, 0)
    return status.st_dev, status.st_ino
