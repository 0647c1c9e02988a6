"""The docker SDK, called from threads of its own, one client a thread, its errors put into words."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import docker
import requests
from docker.errors import APIError, DockerException

from gateway.runtimes.base import RuntimeFailure

T = TypeVar("T")
# A stop keeps its thread for as long as the instance is given to end.
_THREADS = 16
_TIMEOUT = 60
_DEFAULT_URL = "unix:///var/run/docker.sock"


class EngineGone(RuntimeFailure):
    """The Docker engine does not answer."""

    key, title = "engine-gone", "Docker does not answer"


class Engine:
    """A Docker engine at ``url``, or where ``DOCKER_HOST`` says. Connects at first use.

    A client must not be shared between threads, hence one for each; the API version is
    negotiated, as old and new engines have none in common.
    """

    def __init__(self, url: str = "") -> None:
        self._url = url
        self._local = threading.local()
        self._clients: list[docker.DockerClient] = []
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")

    async def call(self, act: Callable[[docker.DockerClient], T]) -> T:
        """Run ``act`` in a thread; raises :class:`RuntimeFailure` for what the engine refuses."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._act, act)

    def _act(self, act: Callable[[docker.DockerClient], T]) -> T:
        with plain_errors():
            client: docker.DockerClient | None = getattr(self._local, "client", None)
            if client is None:
                client = self.new_client()
                self._local.client = client
                self._clients.append(client)
            return act(client)

    def new_client(self) -> docker.DockerClient:
        """A client for a thread of the caller's own, which has to close it."""
        url = self._url or os.environ.get("DOCKER_HOST", "") or _DEFAULT_URL
        if url.startswith("unix://"):
            _knock(url.removeprefix("unix://"))
        if self._url:
            return docker.DockerClient(base_url=self._url, version="auto", timeout=_TIMEOUT)
        return docker.from_env(version="auto", timeout=_TIMEOUT)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._pool.shutdown(wait=True)
        for client in self._clients:
            client.close()


def _knock(path: str) -> None:
    """Raises DockerException where nobody listens: the SDK would say so too, but leave a socket open."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.settimeout(_TIMEOUT)
            probe.connect(path)
        except OSError as error:
            raise DockerException(str(error)) from error


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the errors of the SDK and of the HTTP client under it into this gateway's."""
    try:
        yield
    except APIError as error:
        raise RuntimeFailure(f"Docker refused: {explanation(error)}") from error
    except (DockerException, requests.RequestException) as error:
        raise EngineGone(
            "No Docker engine answers.",
            hint="Start Docker, or let plugins run as processes (RUNTIME=process).",
        ) from error


def explanation(error: APIError) -> str:
    return str(error.explanation or error).strip()
