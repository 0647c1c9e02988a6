"""The relays of all instances, in a thread with a loop of its own: bulk bytes do not hold up the calls."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import shutil
import threading
from collections.abc import Callable, Mapping

import uvloop

from gateway.egress.destinations import Destination
from gateway.egress.dial import Dialer
from gateway.egress.relay import Relay, RelayLimits, RelayStatus
from gateway.home import Home
from gateway.model import InstanceId
from gateway.settings import Settings

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
"""Seconds to resolve a name and to reach the destination."""
_END = 10.0
_DESCRIPTORS = 65_536

Wanted = Mapping[InstanceId, frozenset[Destination]]


class Relays:
    """Level-triggered: :meth:`apply` says what should be, and may be called from any thread.

    A relay outlives a fault of itself: what could not be opened is tried again at the next
    :meth:`apply`. ``owner`` is the (uid, gid) of the instances.
    """

    def __init__(self, home: Home, settings: Settings, owner: tuple[int, int]) -> None:
        self._home = home
        self._owner = owner
        self._limits = RelayLimits(connections=settings.egress_connections, idle=settings.egress_idle)
        self._relays: dict[InstanceId, Relay] = {}
        self._problems: dict[InstanceId, str] = {}
        self._wanted: Wanted = {}
        self._swept = False
        self._ending = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: asyncio.Event | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._main, name="egress", daemon=True)

    def start(self) -> None:
        """Returns once the thread is there; blocks for a moment."""
        _have_descriptors()
        self._thread.start()
        self._begun.wait()

    def close(self) -> None:
        """Cut everything; blocks for a moment. The next gateway makes the sockets anew."""
        self._ending = True
        self._tell()
        self._thread.join(_END)

    def apply(self, wanted: Wanted) -> None:
        """Have a relay for each of these instances, with these destinations. Returns at once."""
        self._wanted = dict(wanted)
        self._tell()

    def status(self, instance: InstanceId) -> RelayStatus | None:
        """None where the instance has no relay."""
        if problem := self._problems.get(instance):
            return RelayStatus(problem=problem)
        relay = self._relays.get(instance)
        return relay.status if relay is not None else None

    def _tell(self) -> None:
        if self._loop is not None and self._news is not None:
            with contextlib.suppress(RuntimeError):  # The loop has ended.
                self._loop.call_soon_threadsafe(self._news.set)

    # In the thread ---------------------------------------------------------------

    def _main(self) -> None:
        factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        while not self._ending:
            await self._news.wait()
            self._news.clear()
            try:
                await self._follow(self._wanted)
            except Exception:  # One fault must not leave all others without their way out.
                log.exception("The relays could not be brought in line; it is tried again.")
        for relay in self._relays.values():
            await relay.close()

    async def _follow(self, wanted: Wanted) -> None:
        for gone in self._relays.keys() - wanted.keys():
            await self._relays.pop(gone).close()
            self._problems.pop(gone, None)
            await asyncio.to_thread(shutil.rmtree, self._home.egress_socket(gone).parent, ignore_errors=True)
        for instance, destinations in wanted.items():
            relay = self._relays.get(instance) or Relay(
                instance,
                self._home.egress_socket(instance),
                owner=self._owner,
                dialer=Dialer(CONNECT_TIMEOUT),
                limits=self._limits,
            )
            self._relays[instance] = relay
            # Grants first: what was taken back is cut, whether or not the rest succeeds.
            await relay.grant(destinations)
            try:
                await relay.open()
            except OSError as error:
                self._cannot(instance, error)
            else:
                self._problems.pop(instance, None)
        if not self._swept:
            self._swept = True
            await asyncio.to_thread(self._sweep, set(wanted))

    def _cannot(self, instance: InstanceId, error: OSError) -> None:
        words = f"The relay for its connections cannot be opened: {error.strerror or error}."
        if self._problems.get(instance) != words:
            log.warning("Egress of %s: %s", instance, words)
        self._problems[instance] = words

    def _sweep(self, wanted: set[InstanceId]) -> None:
        """Remove what gateways before this one left of instances that are gone."""
        keep = {self._home.egress_socket(instance).parent for instance in wanted}
        with contextlib.suppress(FileNotFoundError):
            for directory in self._home.egress_root.iterdir():
                if directory not in keep:
                    shutil.rmtree(directory, ignore_errors=True)


def _have_descriptors() -> None:
    """As many as this process may have: what plugins hold open must not take those of the calls."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
