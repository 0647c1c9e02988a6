"""All catalogues of a gateway: the operator's list, what was fetched, and fetching it again."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from gateway.catalogue.brought import Brought, judge_brought, offering
from gateway.catalogue.errors import BadCatalogues, CatalogueKnown, NoCatalogue
from gateway.catalogue.index import NAME, Index
from gateway.catalogue.kept import Kept, forget_kept, read_kept, write_kept
from gateway.catalogue.signed import Expected, Seen, open_index, require_fresh, require_successor
from gateway.catalogue.standing import Standing, expected_of
from gateway.catalogue.subscriptions import (
    Subscription,
    Subscriptions,
    add_subscription,
    load_subscriptions,
    remove_subscription,
)
from gateway.definition import PluginDefinition
from gateway.errors import PlugwayError, Unavailable
from gateway.hints import near
from gateway.sources.documents import Documents
from gateway.trust.envelope import MAX_BYTES
from gateway.trust.keys import PublicKey

log = logging.getLogger(__name__)

_RETRY = 300.0
"""Seconds until the next look where one failed, if the interval is longer."""

_AT_ONCE = 4


class CatalogueUnwritable(Unavailable):
    """What was fetched could not be kept."""

    key, title = "catalogue-unwritable", "The catalogue could not be kept"


class Catalogues:
    """Constructing touches nothing; :meth:`open` reads what is kept, and needs no network.

    ``every`` is the interval of looks in the background, in seconds; 0 for none.
    """

    def __init__(
        self, home: Path, fetcher: Documents, *, every: float, now: Callable[[], float] = time.time
    ) -> None:
        self._home = home
        self._fetcher = fetcher
        self._every = every
        self._now = now
        self._standings: dict[str, Standing] = {}
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.problem = ""
        """Why the operator's list cannot be read; empty where it can."""

    async def open(self) -> None:
        """Take what is kept. A list or a file that does not hold is told of, and stops nothing."""
        async with self._turn:
            await self._reload(strict=False)

    async def start(self, after: Callable[[], Awaitable[None]]) -> None:
        """Look at all of them in the background, now and then after each interval.

        ``after`` is called after each round.
        """
        if self._every > 0:
            self._task = asyncio.create_task(self._run(after))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def standings(self) -> Sequence[Standing]:
        return tuple(self._standings[name] for name in sorted(self._standings))

    def standing(self, name: str) -> Standing:
        """Raises :class:`NoCatalogue`."""
        if name not in self._standings:
            raise NoCatalogue(
                f"There is no catalogue '{name}' here.",
                hint=near(
                    name, self._standings, otherwise="Add one: plugway catalogue add NAME URL --key FILE"
                ),
            )
        return self._standings[name]

    async def add(
        self, name: str, url: str, keys: Sequence[PublicKey], threshold: int, *, fetch: bool = True
    ) -> Standing:
        """Taken into the list once its index was fetched and holds; nothing is left of it otherwise.

        Without ``fetch`` nothing is asked for, and a bundle may bring the index.
        """
        async with self._turn:
            await self._reload(strict=True)
            if name in self._standings:
                raise CatalogueKnown(
                    f"There is a catalogue '{name}' already: {self._standings[name].subscription.url}",
                    hint=f"Choose another name, or remove it first: plugway catalogue remove {name}",
                )
            wanted = _subscription(name, url, keys, threshold)
            if not fetch:
                await asyncio.to_thread(add_subscription, self._home, name, wanted)
                await self._reload(strict=True)
                return self.standing(name)
            standing = await self._fetched(Standing(name=name, subscription=wanted))
            assert standing.index is not None
            standing = replace(
                standing, subscription=wanted.model_copy(update={"index": standing.index.name})
            )
            await asyncio.to_thread(self._keep, standing)
            await asyncio.to_thread(add_subscription, self._home, name, standing.subscription)
            self._standings[name] = standing
            return standing

    async def remove(self, name: str) -> None:
        """Forget it, and what was seen of it. What was installed from it stays."""
        async with self._turn:
            await self._reload(strict=True)
            self.standing(name)
            await asyncio.to_thread(remove_subscription, self._home, name)
            await asyncio.to_thread(forget_kept, self._home, name)
            del self._standings[name]

    async def offering(self, definitions: Sequence[PluginDefinition]) -> tuple[bytes, ...]:
        """The indexes, as they were signed, that have one of these very definitions."""
        return await asyncio.to_thread(offering, self.standings(), definitions, self._now())

    async def brought(self, envelopes: Sequence[bytes], *, take: bool) -> tuple[Brought, ...]:
        """What indexes that came in a bundle are to this gateway; ``take`` those that are newer.

        Raises :class:`CatalogueRefused` before any is taken.
        """
        async with self._turn:
            await self._reload(strict=False)
            judged = [
                await asyncio.to_thread(judge_brought, data, self.standings(), self._now())
                for data in envelopes
            ]
            for standing in (one.standing for one in judged if one.standing and take):
                await asyncio.to_thread(self._keep, standing)
                if self._standings[standing.name].subscription != standing.subscription:
                    await asyncio.to_thread(
                        add_subscription, self._home, standing.name, standing.subscription
                    )
                self._standings[standing.name] = standing
            return tuple(judged)

    async def refresh(self, name: str) -> Standing:
        """Fetch it again. A failure is told in the standing, and what was there stays."""
        async with self._turn:
            await self._reload(strict=True)
            return await self._look(self.standing(name))

    async def refresh_all(self) -> bool:
        """Whether all of them are well."""
        async with self._turn:
            await self._reload(strict=False)
            gate = asyncio.Semaphore(_AT_ONCE)

            async def one(standing: Standing) -> Standing:
                async with gate:
                    return await self._look(standing)

            looked = await asyncio.gather(*map(one, self.standings()))
            return not self.problem and not any(standing.problem for standing in looked)

    # ------------------------------------------------------------------------------

    async def _run(self, after: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                well = await self.refresh_all()
                await after()
            except Exception:  # It is tried again, and nothing depends on it.
                log.exception("Looking at the catalogues failed.")
                well = False
            await asyncio.sleep(self._every if well else min(self._every, _RETRY))

    async def _look(self, standing: Standing) -> Standing:
        try:
            looked = await self._fetched(standing)
            await asyncio.to_thread(self._keep, looked)
        except PlugwayError as error:
            log.warning("The catalogue %s: %s", standing.name, error.detail)
            looked = replace(standing, checked_at=self._now(), problem=error.detail, hint=error.hint)
        self._standings[standing.name] = looked
        return looked

    async def _fetched(self, standing: Standing) -> Standing:
        """With what is there now; raises where that cannot be had or believed."""
        data = await self._fetcher.document(standing.subscription.url, limit=MAX_BYTES)
        expected = expected_of(standing)
        index, digest = await asyncio.to_thread(_opened, data, expected)
        require_successor(index, digest, expected)
        now = self._now()
        require_fresh(index, datetime.fromtimestamp(now, UTC))
        kept = Kept(envelope=data, seen=Seen(serial=index.serial, sha256=digest), fetched_at=now)
        return replace(standing, kept=kept, index=index, checked_at=now, problem="", hint="")

    def _keep(self, standing: Standing) -> None:
        try:
            write_kept(self._home, standing.name, standing.kept)
        except OSError as error:
            raise CatalogueUnwritable(
                f"The catalogue {standing.name} could not be written: {error.strerror}.",
                hint="See to free space and to write permission in the gateway's home directory.",
            ) from error

    async def _reload(self, *, strict: bool) -> None:
        """Follow the file, which may have been edited by hand."""
        try:
            listed = await asyncio.to_thread(load_subscriptions, self._home)
        except BadCatalogues as error:
            self.problem = error.detail
            log.warning("%s", error.detail)
            if strict:
                raise
            return
        self.problem = ""
        self._standings = await asyncio.to_thread(self._followed, listed)

    def _followed(self, listed: Subscriptions) -> dict[str, Standing]:
        known = self._standings
        return {
            name: known[name]
            if name in known and known[name].subscription == subscription
            else self._restored(name, subscription)
            for name, subscription in listed.items()
        }

    def _restored(self, name: str, subscription: Subscription) -> Standing:
        """From the disk, verified again: keys may have been taken out of the list since."""
        kept = read_kept(self._home, name)
        standing = Standing(name=name, subscription=subscription, kept=kept, checked_at=kept.fetched_at)
        if not kept.envelope:
            return replace(standing, problem="It was not fetched yet.")
        try:
            index, digest = _opened(kept.envelope, expected_of(standing))
            require_successor(index, digest, expected_of(standing))
        except PlugwayError as error:
            return replace(standing, problem=f"What is kept of it: {error.detail}", hint=error.hint)
        return replace(standing, index=index)


def _opened(data: bytes, expected: Expected) -> tuple[Index, str]:
    """Blocking, as a large index takes its time."""
    index, payload = open_index(data, expected)
    return index, hashlib.sha256(payload).hexdigest()


def _subscription(name: str, url: str, keys: Sequence[PublicKey], threshold: int) -> Subscription:
    if not re.fullmatch(NAME, name):
        raise BadCatalogues(
            f"'{name[:80]}' cannot be the name of a catalogue.",
            fields={"/name": "must be small letters, digits, '.', '_' and '-', at most 63"},
        )
    try:
        return Subscription(url=url, keys=tuple(keys), threshold=threshold)
    except ValidationError as error:
        fields = {
            "/" + "/".join(str(part) for part in issue["loc"]): str(issue["msg"]).removeprefix(
                "Value error, "
            )
            for issue in error.errors(include_url=False, include_input=False, include_context=False)
        }
        raise BadCatalogues("The catalogue cannot be added so.", fields=fields) from None
