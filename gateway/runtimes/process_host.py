"""The blocking half of the process runtime: records and processes brought together."""

from __future__ import annotations

import contextlib
import errno
import shutil
import signal
import threading
from dataclasses import replace

import psutil

from gateway.home import Home
from gateway.model import InstanceId, InstanceState, PluginId, ReleaseId
from gateway.runtimes import launch, logs, marks, process_table
from gateway.runtimes import process_record as records
from gateway.runtimes.base import InstanceSpec, ReleaseNotRunnable, RuntimeFailure, RuntimeInstance
from gateway.runtimes.exits import exit_info
from gateway.runtimes.listen import Listening
from gateway.runtimes.process_record import ProcessRecord
from gateway.settings import Settings

_NOT_A_PROGRAM = {errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR}


class ProcessHost:
    """Every method may be called from any thread, but only one at a time for an instance."""

    def __init__(self, home: Home, settings: Settings, listening: Listening) -> None:
        self._home = home
        self._settings = settings
        self._listening = listening
        # A record has one writer at a time: a look at a start half done would write an end into it.
        self._recording = threading.RLock()
        self._swept = False

    def start(self, spec: InstanceSpec) -> RuntimeInstance:
        marks.check_instance_id(spec.id)
        command = launch.resolved_command(spec.release)
        self.sweep()
        record = records.read(self._home, spec.id)
        if record is not None and self._process(record) is not None:
            return self.observe(record)
        process_table.kill_all(spec.id, self._home)
        with self._recording:
            self._home.forget_run_directory(spec.id)
            record = self._launch(spec, command)
        return self.observe(record)

    def _launch(self, spec: InstanceSpec, command: list[str]) -> ProcessRecord:
        release, home = spec.release, self._home
        directory = launch.runnable_directory(release).path
        marks.volume_directories(home, release)
        scratch = home.run_directory(spec.id) / "tmp"
        scratch.mkdir(mode=0o700, parents=True)
        home.run_directory(spec.id).chmod(0o700)
        log = logs.remember_log(home, release.plugin_id, spec.id, release.id)
        place = self._listening.prepare(home, spec.id)
        environment = launch.host_environment(directory, scratch) | marks.plugin_environment(
            instance=spec.id,
            home=home,
            listen=place.listen,
            tls=place.tls_directory,
            volumes=str(home.volume(release.plugin_id, "_").parent),
        )
        record = ProcessRecord(
            instance_id=spec.id,
            plugin_id=release.plugin_id,
            release_id=release.id,
            address=place.address,
            tls=place.tls,
            log_start=log.stat().st_size if log.exists() else 0,
        )
        records.write(home, record)
        try:
            pid = launch.spawn(command, directory=directory, environment=environment, log=log)
        except OSError as error:
            home.forget_run_directory(spec.id)
            raise _cannot_start(spec, command[0], error) from error
        record = record.with_process(pid, process_table.started_at(pid))
        records.write(home, record)
        return record

    def _process(self, record: ProcessRecord) -> psutil.Process | None:
        return process_table.find(record.pid, record.started_at, record.instance_id, self._home)

    def observe(self, record: ProcessRecord) -> RuntimeInstance:
        """What is true of a recorded instance now; how it ended is written down the first time it is seen."""
        alive = record.exit is None and self._process(record) is not None
        if not alive and record.exit is None:
            try:
                record = self._note_exit(record)
            except process_table.StillEnding:
                alive = True
            else:
                if record.exit is None:
                    return self.observe(record)
        return RuntimeInstance(
            id=record.instance_id,
            plugin_id=record.plugin_id,
            release_id=record.release_id,
            state=InstanceState.RUNNING if alive else InstanceState.EXITED,
            endpoint=record.endpoint if alive else None,
            started_at=record.started_at,
            exit=record.exit,
            handle=str(record.pid or ""),
        )

    def _note_exit(self, record: ProcessRecord) -> ProcessRecord:
        """The record with its end; or, without one, the record of the start that has replaced it."""
        with self._recording:
            # Another thread may have been first, and a child can be waited for only once.
            known = records.read(self._home, record.instance_id)
            if known is not None and (known.pid != record.pid or known.exit is not None):
                return known
            status = process_table.reap(record.pid) if record.pid else None
            log = self._home.log_file(record.instance_id)
            info = exit_info(
                code=status.code if status else None,
                killed_by=status.signal if status else None,
                words=logs.last_words(log, record.log_start),
            )
            ended = record.with_exit(info)
            if known is not None:
                records.write(self._home, ended)
            return ended

    def list(self) -> list[RuntimeInstance]:
        if not self._swept:
            self.sweep()
        instances = []
        for record in records.read_all(self._home):
            instances.append(self.observe(record))
            logs.trim(self._home.log_file(record.instance_id), self._settings.log_bytes)
        return instances

    def sweep(self) -> None:
        """Look at every process of the machine once for what a killed gateway left without a note.

        A leader whose record lacks its pid is adopted; a process of no record is ended, as nobody
        could reach or stop it any more.
        """
        for instance, process in process_table.marked(self._home):
            with self._recording:
                self._place(instance, process)
        self._swept = True

    def _place(self, instance: InstanceId, process: psutil.Process) -> None:
        record = records.read(self._home, instance)
        if record is None:
            process_table.send(process, signal.SIGKILL)
        elif self._process(record) is None and process_table.is_leader(process):
            adopted = record.with_process(process.pid, process_table.started_at(process.pid))
            records.write(self._home, adopted)

    def ask_to_end(self, instance: InstanceId) -> ProcessRecord | None:
        """Send SIGTERM; the record of what to wait for, None where nothing runs."""
        self.sweep()
        record = records.read(self._home, instance)
        if record is None:
            return None
        process = self._process(record)
        if process is None:
            return None
        process_table.send(process, signal.SIGTERM)
        # A stopped process could not act on it.
        process_table.send(process, signal.SIGCONT)
        return record

    def gone(self, record: ProcessRecord) -> bool:
        return self._process(record) is None

    def remove(self, instance: InstanceId) -> None:
        """Kill what is left of it, and forget it."""
        record = records.read(self._home, instance)
        process_table.kill_all(instance, self._home)
        if record is not None and record.pid:
            with contextlib.suppress(process_table.StillEnding):
                process_table.reap(record.pid)
        with self._recording:
            # A look between its reading and its writing would else find its directory gone.
            self._home.forget_run_directory(instance)

    def purge(self, plugin: PluginId) -> None:
        shutil.rmtree(self._home.path / "data" / plugin, ignore_errors=True)
        logs.forget_logs(self._home, plugin)


def placeholder(spec: InstanceSpec) -> RuntimeInstance:
    """An instance whose start is under way."""
    return RuntimeInstance(
        id=spec.id,
        plugin_id=PluginId(spec.release.plugin_id),
        release_id=ReleaseId(spec.release.id),
        state=InstanceState.STARTING,
    )


def as_starting(instance: RuntimeInstance) -> RuntimeInstance:
    return replace(instance, state=InstanceState.STARTING, endpoint=None, exit=None)


def _cannot_start(spec: InstanceSpec, program: str, error: OSError) -> RuntimeFailure:
    what = f"{spec.release.plugin_id} {spec.release.version}"
    why = error.strerror or "unknown reason"
    if error.errno in _NOT_A_PROGRAM:
        return ReleaseNotRunnable(
            f"{program} of {what} cannot be run on this machine: {why}.",
            hint="Correct 'command' in the plugin's plugway.toml.",
            plugin=spec.release.plugin_id,
        )
    return RuntimeFailure(
        f"The process of {what} could not be started: {why}.", plugin=spec.release.plugin_id
    )
