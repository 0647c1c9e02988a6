"""What really runs for a home, read past the gateway: processes or containers."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import psutil
from docker.errors import APIError

from gateway.home import Home
from tests.processes import of_home


class Ground:
    """All of it blocking. ``engine`` is the URL of a Docker engine; empty is the usual one."""

    def __init__(self, home: Path, runtime: str, engine: str = "") -> None:
        self.home, self.runtime, self._engine = home, runtime, engine

    @property
    def mark(self) -> str:
        return (self.home / "home.id").read_text().strip()

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self._engine) if self._engine else docker.from_env()

    def instances(self) -> list[str]:
        """Ids of the instances that run, and of containers that have ended: one entry for each."""
        if self.runtime == "process":
            return sorted(process.environ()["PLUGWAY_INSTANCE"] for process in self.processes())
        client = self.client()
        try:
            return sorted(container.labels["plugway.instance"] for container in self._containers(client))
        finally:
            client.close()

    def processes(self) -> list[psutil.Process]:
        """Processes of the process runtime that carry this home's mark."""
        return of_home(self.mark)

    def pid(self, release: str) -> int:
        """The main process of the release's instance."""
        if self.runtime == "process":
            (process,) = (
                p for p in self.processes() if p.environ()["PLUGWAY_INSTANCE"].startswith(f"{release}-")
            )
            return int(process.pid)
        client = self.client()
        try:
            (container,) = (c for c in self._containers(client) if c.labels["plugway.release"] == release)
            # The first process is the init that reaps; the plugin is its child.
            init = psutil.Process(container.attrs["State"]["Pid"])
            return next((int(child.pid) for child in init.children()), init.pid)
        finally:
            client.close()

    def images(self) -> list[str]:
        """Ids of the images that this home needs."""
        client = self.client()
        try:
            found = client.api.images(name=f"plugway-home-{self.mark}/*")
            return [str(image["Id"]) for image in found]
        finally:
            client.close()

    def left(self) -> tuple[list[str], int, int]:
        """Instances, and the numbers of run directories and sockets."""
        return self.instances(), len(self.run_directories()), len(self.sockets())

    def sockets(self) -> list[Path]:
        roots = {self.home, self._run}
        return list({path for root in roots for path in root.rglob("*") if path.is_socket()})

    def run_directories(self) -> list[Path]:
        return list(self._run.iterdir()) if self._run.exists() else []

    @property
    def _run(self) -> Path:
        return Home(self.home).run_root

    def sweep(self) -> None:
        """Leave nothing, also where a gateway was killed and none came after it."""
        if not (self.home / "home.id").exists():
            return
        shutil.rmtree(self._run, ignore_errors=True)
        if self.runtime == "process":
            for process in self.processes():
                process.kill()
            return
        client = self.client()
        try:
            for container in self._containers(client):
                container.remove(force=True, v=True)
            for listed in client.api.images(name=f"plugway-home-{self.mark}/*"):
                self._remove_image(client, str(listed["Id"]))
        finally:
            client.close()

    def _remove_image(self, client: docker.DockerClient, id_: str) -> None:
        """Whole, unless another test's gateway needs it."""
        with suppress(APIError):
            tags = client.images.get(id_).tags
            mine = [tag for tag in tags if tag.startswith(f"plugway-home-{self.mark}/")]
            shared = any(tag.startswith("plugway-home-") for tag in tags if tag not in mine)
            built = [] if shared else [tag for tag in tags if tag.startswith("plugway-test/")]
            for tag in (*mine, *built):
                client.api.remove_image(tag)

    def _containers(self, client: docker.DockerClient) -> list[Any]:
        label: dict[str, Any] = {"label": f"plugway.home={self.mark}"}
        return list(client.containers.list(all=True, filters=label, ignore_removed=True))
