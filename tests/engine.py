"""A Docker engine of a test's own, which it may kill, and a way to the usual one whose events can hang."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import docker
from docker.errors import DockerException

from tests.parts import base_image

_PATIENCE = 60


class OwnEngine:
    """A second dockerd: own data, own sockets, own containerd namespace, no network. All blocking."""

    def __init__(self) -> None:
        # Not under pytest's directories: the path of a socket has to be short.
        self.directory = Path(tempfile.mkdtemp(prefix="pw-engine-"))
        self.url = f"unix://{self.directory}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        at = self.directory
        command = [
            "dockerd", f"--host={self.url}", f"--data-root={at}/data", f"--exec-root={at}/exec",
            f"--pidfile={at}/pid", "--bridge=none", "--iptables=false", "--ip6tables=false",
            "--containerd-namespace=plugway-test", "--containerd-plugins-namespace=plugway-test-plugins",
            *options,
        ]  # fmt: skip
        # Killed ones leave their pid files, and a new one takes a reused number for a running engine.
        for left in (at / "pid", at / "exec" / "containerd" / "containerd.pid"):
            left.unlink(missing_ok=True)
        with (at / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(f"the engine does not start:\n{self._last_words()}")
            time.sleep(0.2)

    def load_base(self) -> None:
        """Copy the base image from the usual engine."""
        with contextlib.closing(docker.from_env()) as usual, contextlib.closing(self.client()) as own:
            parts = usual.images.get(base_image()).save(named=base_image())
            own.images.load(parts)  # type: ignore[arg-type]  # it streams any iterator

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self.url, timeout=_PATIENCE)

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        assert self._process
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def remove(self) -> None:
        """Containers, process, mounts and files."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(DockerException), contextlib.closing(self.client()) as client:
                for container in client.containers.list(all=True):
                    container.remove(force=True)
            self.stop()
        for line in Path("/proc/self/mounts").read_text().splitlines():
            if str(self.directory) in line:
                subprocess.run(["umount", "--lazy", line.split()[1]], check=False, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _answers(self) -> bool:
        # By hand: the SDK leaves a socket open where nobody listens.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_PATIENCE)
            probe.connect(str(self.directory / "docker.sock"))
            probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in probe.recv(64)
        return False

    def _last_words(self) -> str:
        return "\n".join((self.directory / "log").read_text().splitlines()[-15:])


class Way:
    """Carries everything between its socket and the engine; with ``hung``, nothing of event streams.

    Builds of images begin ``build_delay`` seconds late, as on a busy engine.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self.hung = False
        self.build_delay = 0.0
        self.event_streams = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_engine, to_engine = await asyncio.open_unix_connection(self._engine)
        except OSError:
            writer.close()
            return
        told = asyncio.Event()
        tasks = {
            asyncio.create_task(self._there(reader, to_engine, told)),
            asyncio.create_task(self._back(from_engine, writer, told)),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()
            to_engine.close()

    async def _there(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, events: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            request = data.split(b"\r\n", 1)[0]
            if b"/events?" in request:
                self.event_streams += 1
                events.set()
            if b"/build?" in request:
                await asyncio.sleep(self.build_delay)
            writer.write(data)
            await writer.drain()

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, events: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            if self.hung and events.is_set():
                continue
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def way_to_engine(entrance: Path) -> AsyncIterator[Way]:
    """``entrance`` is the socket where the way begins; it leads to the engine that the environment names."""
    way = Way(await asyncio.to_thread(_usual_socket))
    server = await asyncio.start_unix_server(way.serve, str(entrance))
    try:
        yield way
    finally:
        server.close()


def _usual_socket() -> str:
    return urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")).path
