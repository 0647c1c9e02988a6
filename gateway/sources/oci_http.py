"""Requests to a registry: judged addresses, no pooling across names, answers of limited size."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import urljoin

import httpx

from gateway.sources.base import SourceUnreadable
from gateway.sources.fetch import Fetcher, FetchFailed, FetchRefused, FetchTooLarge, tls_context

_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_CONNECT_TIMEOUT = 10.0
_PORTS = {"https": 443, "http": 80}
_PART = 2**20
_SLOWEST = 2**18
"""Bytes a second that a layer has to arrive with, beside the time for a request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers`` have names in lower case; ``url`` is where the answer came from in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Roots:
    """The authorities to trust, read once: that takes longer than all else that is asked of a registry."""

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None

    async def context(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = await asyncio.to_thread(tls_context, self._ca_file)
        return self._context


class RegistryHttp:
    """One conversation, ``async with``. ``timeout`` is for each request with its redirects, in seconds."""

    def __init__(self, fetcher: Fetcher, roots: Roots, *, timeout: float) -> None:
        self._fetcher = fetcher
        self._roots = roots
        self._timeout = timeout
        self._stack = AsyncExitStack()
        self._clients: dict[tuple[str, str, int, str], httpx.AsyncClient] = {}

    async def __aenter__(self) -> RegistryHttp:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        limit: int,
        headers: Mapping[str, str] | None = None,
        authorization: str = "",
        content: bytes = b"",
        target: Path | None = None,
    ) -> Answer:
        """Any answer but a redirect; a GET follows those, and ``authorization`` stays with its origin.

        With ``target`` the body of a 200 goes there as it comes, and the answer has none.
        Raises :class:`FetchRefused`, :class:`FetchTooLarge` and :class:`FetchFailed`.
        """
        first = place = url
        seconds = self._timeout + (limit / _SLOWEST if target else 0)
        try:
            async with asyncio.timeout(seconds):
                for _ in range(_MAX_REDIRECTS + 1):
                    own = {"Authorization": authorization} if authorization else {}
                    sent = {**(headers or {}), **(own if origin(place) == origin(first) else {})}
                    answer = await self._one(method, place, sent, content, limit, target)
                    if method != "GET" or answer.status not in _REDIRECTS:
                        return answer
                    place = _next(place, answer.headers.get("location", ""))
        except TimeoutError:
            raise FetchFailed(
                f"{_host(place)} did not answer within {seconds:g} s.",
                hint="Try again, or raise PLUGWAY_FETCH_TIMEOUT.",
            ) from None
        raise FetchRefused(f"{_host(url)}: more than {_MAX_REDIRECTS} redirects in a row.")

    async def _one(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
        limit: int,
        target: Path | None,
    ) -> Answer:
        where, addresses = await self._fetcher.judged(url)
        failure: Exception | None = None
        for address in addresses[:3]:
            client = await self._client(where, address)
            request = client.build_request(
                method,
                where.copy_with(host=address),
                headers={"Accept-Encoding": "identity", **headers, "Host": where.netloc.decode("ascii")},
                content=content or None,
                extensions={"sni_hostname": where.raw_host.decode("ascii")},
            )
            try:
                answer = await client.send(request, stream=True)
                try:
                    if target is not None and answer.status_code == 200:
                        body = await _save(answer, limit, target)
                    else:
                        body = await _read(answer, limit)
                finally:
                    await answer.aclose()
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
                continue
            except httpx.HTTPError as error:
                raise _failed(url, error) from error
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status_code, names, body, url)
        assert failure is not None
        raise _failed(url, failure) from failure

    async def _client(self, target: httpx.URL, address: str) -> httpx.AsyncClient:
        """One for each name: a connection that has proven one name must not serve another on its address."""
        key = (target.scheme, target.host, target.port or _PORTS[target.scheme], address)
        if key not in self._clients:
            client = httpx.AsyncClient(
                verify=await self._roots.context(),
                trust_env=False,
                follow_redirects=False,
                timeout=httpx.Timeout(self._timeout, connect=_CONNECT_TIMEOUT),
            )
            self._clients[key] = await self._stack.enter_async_context(client)
        return self._clients[key]


async def _limited(answer: httpx.Response, limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for part in answer.aiter_raw(_PART):
        size += len(part)
        if size > limit:
            raise FetchTooLarge(f"What {answer.request.headers['host']} sends is larger than {limit} bytes.")
        yield part


async def _read(answer: httpx.Response, limit: int) -> bytes:
    return b"".join([part async for part in _limited(answer, limit)])


async def _save(answer: httpx.Response, limit: int, target: Path) -> bytes:
    file = await asyncio.to_thread(target.open, "xb")
    try:
        async for part in _limited(answer, limit):
            await asyncio.to_thread(file.write, part)
    finally:
        await asyncio.to_thread(file.close)
    return b""


def origin(url: str) -> tuple[str, str, int]:
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port or _PORTS.get(parsed.scheme, 0)


def _next(url: str, location: str) -> str:
    if not location:
        raise FetchFailed(f"{_host(url)} redirects to nowhere.")
    target = urljoin(url, location)
    if url.startswith("https:") and not target.startswith("https:"):
        raise FetchRefused(f"{_host(url)} redirects to a place without TLS.")
    return target


def _host(url: str) -> str:
    try:
        return httpx.URL(url).netloc.decode("ascii").rpartition("@")[2]
    except httpx.InvalidURL:
        return "The registry"


def _failed(url: str, error: Exception) -> SourceUnreadable:
    return SourceUnreadable(
        f"The registry {_host(url)} cannot be reached: {str(error) or type(error).__name__}.",
        hint="Check the name and the network. What is installed already runs on without it.",
    )
