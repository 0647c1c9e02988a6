"""What the process runtime writes down of an instance, before it starts it and after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gateway.home import Home
from gateway.model import Endpoint, ExitInfo, InstanceId, PluginId, ReleaseId, TlsFiles

_FILE = "process.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRecord:
    """One instance. ``pid`` is 0 until started; ``log_start`` is where this run's output begins."""

    instance_id: InstanceId
    plugin_id: PluginId
    release_id: ReleaseId
    address: str
    tls: TlsFiles | None = None
    pid: int = 0
    started_at: float = 0.0
    log_start: int = 0
    exit: ExitInfo | None = None

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(
            instance_id=self.instance_id,
            address=self.address,
            incarnation=f"{self.pid}-{self.started_at:.2f}",
            tls=self.tls,
        )

    def with_process(self, pid: int, started_at: float) -> ProcessRecord:
        return replace(self, pid=pid, started_at=started_at, exit=None)

    def with_exit(self, info: ExitInfo) -> ProcessRecord:
        return replace(self, exit=info)


def write(home: Home, record: ProcessRecord) -> None:
    """Whole or not at all, so that a gateway killed here leaves the record before or the one after."""
    file = home.run_directory(record.instance_id) / _FILE
    partial = file.with_suffix(".new")
    partial.write_text(json.dumps(asdict(record)))
    partial.replace(file)


def read(home: Home, instance: InstanceId) -> ProcessRecord | None:
    return _load(home.run_directory(instance) / _FILE)


def read_all(home: Home) -> Iterator[ProcessRecord]:
    for file in sorted(home.run_root.glob(f"*/{_FILE}")):
        if (record := _load(file)) is not None:
            yield record


def _load(file: Path) -> ProcessRecord | None:
    try:
        fields = json.loads(file.read_text())
        if fields["tls"]:
            fields["tls"] = TlsFiles(**fields["tls"])
        if fields["exit"]:
            fields["exit"] = ExitInfo(**fields["exit"])
        return ProcessRecord(**fields)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        # Gone, or not one of ours. What cannot be read just now is not gone, and must not look so.
        return None
