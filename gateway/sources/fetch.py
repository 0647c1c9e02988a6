"""The one way in which the gateway fetches what a stranger names.

A host is resolved once, its addresses are judged, and the connection goes to the judged
address; each redirect is judged anew. Nothing is taken from the environment.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urljoin

import httpx

from gateway.errors import BadInput, Unavailable
from gateway.sources.addresses import AllowList, refused
from gateway.sources.steps import Fetching

MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_CONNECT_TIMEOUT = 10.0
# Addresses of one host that are tried in turn.
_TRIED = 3
_WRITE_FROM = 2**20
_PORTS = {"https": 443, "http": 80}

_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, for a port; raises OSError."""


class FetchRefused(BadInput):
    """The gateway does not fetch from there."""

    key, title = "fetch-refused", "The gateway does not fetch that"


class FetchTooLarge(BadInput):
    """More bytes than the limit."""

    key, title = "fetch-too-large", "What is there is too large"


class FetchFailed(Unavailable):
    """It could not be had now. ``answered`` is the HTTP status, 0 where there was no answer."""

    key, title = "fetch-failed", "It could not be fetched"
    answered = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that arrived whole. ``sha256`` and ``sha512`` are in hexadecimal."""

    url: str
    size: int
    sha256: str
    sha512: bytes


class Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


async def system_resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class Fetcher:
    """See the module. Constructing touches nothing; each fetch opens and closes its connections.

    ``timeout`` is for a whole fetch with its redirects, in seconds; ``max_bytes`` holds
    for every fetch. ``ca_file`` adds to the system's roots.
    """

    def __init__(
        self,
        allowed: AllowList,
        *,
        timeout: float,
        max_bytes: int,
        ca_file: Path | None = None,
        resolve: Resolve = system_resolve,
    ) -> None:
        self.allowed = allowed
        self.ca_file = ca_file
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._resolve = resolve
        self._context: ssl.SSLContext | None = None

    async def file(self, url: str, target: Path, *, credentials: Mapping[str, str] | None = None) -> Fetched:
        """Write what is there to ``target``; ``credentials`` are headers for this origin alone.

        Raises :class:`FetchRefused`, :class:`FetchTooLarge` and :class:`FetchFailed`; what was
        written then is removed.
        """
        try:
            async with self._answer(url, {}, credentials or {}) as answer:
                return await self._write(answer, target)
        except BaseException:
            await asyncio.to_thread(target.unlink, missing_ok=True)
            raise

    async def document(
        self,
        url: str,
        *,
        limit: int,
        headers: Mapping[str, str] | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> bytes:
        """The bytes of a small document, at most ``limit`` of them; raises as :meth:`file` does."""
        async with self._answer(url, headers or {}, credentials or {}) as answer:
            parts = [part async for part in _limited(answer, min(limit, self._max_bytes))]
        return b"".join(parts)

    @asynccontextmanager
    async def _answer(
        self, url: str, headers: Mapping[str, str], credentials: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """The final answer with status 200, after its redirects; its body is still to be read."""
        if self._context is None:
            self._context = await asyncio.to_thread(tls_context, self.ca_file)
        try:
            async with (
                asyncio.timeout(self._timeout),
                httpx.AsyncClient(
                    verify=self._context,
                    trust_env=False,
                    follow_redirects=False,
                    timeout=httpx.Timeout(self._timeout, connect=_CONNECT_TIMEOUT),
                ) as client,
            ):
                first = _origin(parse(url))
                for _ in range(MAX_REDIRECTS + 1):
                    own = credentials if first == _origin(parse(url)) else {}
                    answer = await self._one(client, url, {**headers, **own})
                    if answer.status_code not in _REDIRECTS:
                        _judge(answer, url)
                        yield answer
                        await answer.aclose()
                        return
                    await answer.aclose()
                    url = urljoin(url, answer.headers.get("location") or _no_location(url))
                raise FetchRefused(f"{_shown(url)}: more than {MAX_REDIRECTS} redirects in a row.")
        except TimeoutError:
            raise FetchFailed(
                f"{_shown(url)} did not arrive within {self._timeout:g} s.",
                hint="Try again, or raise PLUGWAY_FETCH_TIMEOUT.",
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchFailed(f"{_shown(url)} could not be fetched: {_told(error)}.") from error

    async def _one(self, client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> httpx.Response:
        """One request, to an address that was judged. The name still goes into TLS and ``Host``."""
        target, addresses = await self.judged(url)
        failure: httpx.TransportError | None = None
        for address in addresses[:_TRIED]:
            request = client.build_request(
                "GET",
                target.copy_with(host=address),
                headers={"Accept-Encoding": "identity", **headers, "Host": target.netloc.decode("ascii")},
                extensions={"sni_hostname": target.raw_host.decode("ascii")},
            )
            try:
                return await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    async def judged(self, url: str) -> tuple[httpx.URL, Sequence[str]]:
        """The URL and the addresses that may be called for it; raises :class:`FetchRefused`."""
        target = parse(url)
        host = target.raw_host.decode("ascii")
        try:
            addresses = await self._resolve(host, target.port or _PORTS[target.scheme])
        except (OSError, UnicodeError) as error:
            raise FetchFailed(f"The host {host} is not known: {error}.") from None
        if not addresses:
            raise FetchFailed(f"The host {host} has no address.")
        if address := refused(addresses, host, self.allowed):
            raise FetchRefused(
                f"{_shown(url)} leads to {address}, which is no address of the internet.",
                hint=f"If that is meant, list it: PLUGWAY_FETCH_ALLOW={host}",
            )
        if target.scheme != "https" and not self.listed(host, addresses):
            raise FetchRefused(
                f"{_shown(url)} is not fetched over plain HTTP.",
                hint=f"Use https, or list the host: PLUGWAY_FETCH_ALLOW={host}",
            )
        return target, addresses

    def listed(self, host: str, addresses: Sequence[str]) -> bool:
        """Whether the operator listed the host, or every one of its addresses."""
        return self.allowed.host(host) or all(self.allowed.address(text) for text in addresses)

    async def _write(self, answer: httpx.Response, target: Path) -> Fetched:
        sha256, sha512, size = hashlib.sha256(), hashlib.sha512(), 0
        fetching = Fetching(_announced(answer))
        file = await asyncio.to_thread(target.open, "xb")
        try:
            pending: list[bytes] = []
            waiting = 0
            async for part in _limited(answer, self._max_bytes):
                pending.append(part)
                waiting += len(part)
                size += len(part)
                fetching.so_far(size)
                if waiting >= _WRITE_FROM:
                    await asyncio.to_thread(_append, file, pending, sha256, sha512)
                    pending, waiting = [], 0
            await asyncio.to_thread(_append, file, pending, sha256, sha512)
        finally:
            await asyncio.to_thread(file.close)
        return Fetched(url=str(answer.url), size=size, sha256=sha256.hexdigest(), sha512=sha512.digest())


def parse(url: str) -> httpx.URL:
    """A URL that can be judged; raises :class:`FetchRefused`."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError):
        parsed = httpx.URL()
    if parsed.scheme not in _PORTS or not parsed.host or _UNFIT.search(url) or "%" in parsed.host:
        raise FetchRefused(f"{_shown(url)} is no https:// URL.", hint="Write https://host/path.")
    if parsed.userinfo:
        # Not repeated: it may hold a password.
        raise FetchRefused("A URL must not hold a user or a password.", hint="Take them out of the URL.")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise FetchRefused(f"{_shown(url)} has no valid port.")
    return parsed


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """The roots that come with certifi, and the operator's own. Blocking; raises :class:`FetchRefused`."""
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise FetchRefused(
                f"{ca_file} holds no certificates that can be read: {error.strerror or error}.",
                hint="Set PLUGWAY_FETCH_CA_FILE to a PEM file.",
            ) from None
    return context


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or _PORTS[url.scheme]


def _judge(answer: httpx.Response, url: str) -> None:
    if answer.status_code != 200:
        failure = FetchFailed(
            f"{_shown(url)} answers {answer.status_code} {answer.reason_phrase}.",
            hint="Check the address, and whether it needs a token.",
        )
        failure.answered = answer.status_code
        raise failure
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchRefused(f"{_shown(url)} is sent compressed, though that was not asked for.")


async def _limited(answer: httpx.Response, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes, at most ``limit`` bytes; a length that announces more is enough to refuse."""
    size = 0
    if _announced(answer) > limit:
        raise _too_large(answer, limit)
    async for part in answer.aiter_raw():
        size += len(part)
        if size > limit:
            raise _too_large(answer, limit)
        yield part


def _announced(answer: httpx.Response) -> int:
    length = answer.headers.get("content-length", "")
    return int(length) if length.isdigit() else 0


def _too_large(answer: httpx.Response, limit: int) -> FetchTooLarge:
    host = answer.request.headers["host"]
    return FetchTooLarge(
        f"What {host} sends is larger than {limit} bytes.",
        hint="If that is meant, raise PLUGWAY_FETCH_BYTES.",
    )


def _no_location(url: str) -> str:
    raise FetchFailed(f"{_shown(url)} redirects to nowhere.")


def _append(file: IO[bytes], parts: Sequence[bytes], *hashes: Hash) -> None:
    for part in parts:
        file.write(part)
        for each in hashes:
            each.update(part)


def _shown(url: str) -> str:
    """For messages: without query, which may hold a token, and without user."""
    plain = url.partition("?")[0].partition("#")[0]
    scheme, mark, rest = plain.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"[:300] if mark else plain[:300]


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
