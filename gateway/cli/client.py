"""The management API as the commands use it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from gateway.cli.connection import Connection, trusted
from gateway.cli.exits import Exit, failure, from_problem
from gateway.cli.whole_file import writing_whole

# Configuring waits for the plugin's own answer, which may take its time.
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
# The gateway unpacks and checks a bundle before it answers.
_UPLOAD_TIMEOUT = httpx.Timeout(600.0, connect=5.0)

Object = dict[str, Any]


def plugin_path(id_: str, *more: str) -> str:
    return "/".join(("/api/v1/plugins", quote(id_, safe=""), *more))


class GatewayClient:
    """Asks the gateway; every way it can fail becomes a :class:`Failure`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        headers = {"authorization": f"Bearer {connection.token}"} if connection.token else {}
        self._http = httpx.AsyncClient(
            base_url=connection.url,
            headers=headers,
            timeout=_TIMEOUT,
            trust_env=not connection.local,
            verify=trusted(connection),
        )

    async def __aenter__(self) -> GatewayClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: Any) -> Object:
        return await self.call("GET", path, query=query)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        patience: float | None = None,
    ) -> Object:
        """``patience`` is for what may take longer than usual until it answers, in seconds."""
        timeout = _TIMEOUT if patience is None else httpx.Timeout(60.0, connect=5.0, read=patience)
        with self._plain_failures():
            answer = await self._http.request(method, path, params=query or None, json=body, timeout=timeout)
        if answer.status_code == 204:
            return {}
        document = self._document(answer)
        if answer.is_success:
            return document
        raise from_problem(answer.status_code, document)

    async def download(self, path: str, target: Path, *, query: Mapping[str, Any], patience: float) -> int:
        """Write the answer to ``target``, whole or not at all; returns its size in bytes.

        ``patience`` is how long it may be silent, in seconds.
        """
        timeout = httpx.Timeout(60.0, connect=5.0, read=patience)
        with self._plain_failures(), writing_whole(target) as file:
            async with self._http.stream("GET", path, params=query, timeout=timeout) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise from_problem(answer.status_code, self._document(answer))
                async for part in answer.aiter_raw():
                    file.write(part)
            return file.tell()

    async def upload(self, path: str, source: Path, *, query: Mapping[str, Any]) -> Object:
        """Send the file as it is read; the answer as from :meth:`call`."""
        with self._plain_failures():
            answer = await self._http.post(
                path,
                params=query,
                content=_parts(source),
                headers={"content-type": "application/x-tar"},
                timeout=_UPLOAD_TIMEOUT,
            )
        document = self._document(answer)
        if answer.is_success:
            return document
        raise from_problem(answer.status_code, document)

    async def readiness(self) -> Object:
        """``/readyz``, which says why where it is 503."""
        with self._plain_failures():
            return self._document(await self._http.get("/readyz"))

    @asynccontextmanager
    async def lines(
        self,
        path: str,
        *,
        accept: str,
        endless: bool,
        query: Mapping[str, Any],
        method: str = "GET",
        body: Any = None,
    ) -> AsyncIterator[AsyncIterator[str]]:
        """Lines of a streamed answer; an ``endless`` one may be silent as long as it likes."""
        timeout = httpx.Timeout(60.0, connect=5.0, read=None if endless else 60.0)
        with self._plain_failures():
            asked = self._http.stream(
                method, path, params=query, headers={"accept": accept}, json=body, timeout=timeout
            )
            async with asked as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise from_problem(answer.status_code, self._document(answer))
                yield answer.aiter_lines()

    @asynccontextmanager
    async def passed_on(
        self, method: str, raw_path: bytes, headers: list[tuple[str, str]], body: bytes, within: float
    ) -> AsyncIterator[httpx.Response]:
        """A call to a plugin, whatever its answer; the path and query go out as they are."""
        url = self._http.base_url
        raw = url.raw_path.rstrip(b"/") + raw_path
        with self._plain_failures():
            request = self._http.build_request(
                method, url.copy_with(raw_path=raw), headers=headers, content=body or None,
                timeout=httpx.Timeout(within, connect=5.0),
            )  # fmt: skip
            answer = await self._http.send(request, stream=True)
            try:
                yield answer
            finally:
                await answer.aclose()

    def _document(self, answer: httpx.Response) -> Object:
        try:
            document = json.loads(answer.content)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise failure(
                Exit.NOT_REACHABLE,
                f"What answers at {self._connection.url} is no Plugway gateway ({answer.status_code}).",
                "Set PLUGWAY_URL to the address that 'plugway serve' printed.",
            )
        return document

    def _plain_failures(self) -> _PlainFailures:
        return _PlainFailures(self._connection)


async def _parts(source: Path) -> AsyncIterator[bytes]:
    """Blocks on the disk, as nothing else is under way."""
    try:
        with source.open("rb") as file:
            while part := file.read(2**18):
                yield part
    except OSError as error:
        raise failure(Exit.USAGE, f"{source} cannot be read: {error.strerror}.") from None


class _PlainFailures:
    """Turns what httpx raises into words."""

    def __init__(self, connection: Connection) -> None:
        self._url = connection.url

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            raise failure(
                Exit.NOT_REACHABLE,
                f"No gateway answers at {self._url}.",
                "Start one with 'plugway serve' (or 'make run'), or set PLUGWAY_URL.",
            ) from error
        if isinstance(error, httpx.TimeoutException):
            raise failure(
                Exit.TIMED_OUT, f"The gateway at {self._url} did not answer in time.", "Try: plugway doctor"
            ) from error
        if isinstance(error, httpx.HTTPError):
            raise failure(
                Exit.NOT_REACHABLE,
                f"The connection to the gateway at {self._url} broke.",
                "See whether it still runs; then try again.",
            ) from error
