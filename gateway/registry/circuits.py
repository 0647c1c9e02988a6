"""What the data planes say of single instances: who is out, since when, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gateway.model import InstanceId, PluginId

CircuitState = Literal["closed", "open", "half-open", "held"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitReport:
    """One instance, as one data plane sees it. ``until`` is Unix time, 0 where it is not out.

    ``state`` is ``open`` (half-open once ``until`` has passed), ``held`` (it would be open, were it not the
    last one) or ``closed``. ``times`` counts how often it was taken out in a row.
    """

    plugin: PluginId
    instance: InstanceId
    incarnation: str
    state: CircuitState
    reason: str = ""
    until: float = 0.0
    times: int = 0

    def state_at(self, now: float) -> CircuitState:
        """``now`` is Unix time."""
        return "half-open" if self.state == "open" and now >= self.until else self.state

    def words_at(self, now: float) -> str:
        """Why, for people; empty where all is well."""
        state = self.state_at(now)
        failed = f"The last calls to it failed one after another ({self.reason})."
        if state == "held":
            return f"{failed} It goes on serving, as no other instance could take its calls."
        if state == "half-open":
            return f"{failed} Single calls try it again; one that is answered brings it back."
        return f"{failed} It gets no calls for another {self.until - now:.0f} s." if state == "open" else ""


def _state(report: CircuitReport | None) -> CircuitState:
    return "closed" if report is None else report.state


Listener = Callable[[CircuitReport], None]


class CircuitBoard:
    """The last word on every instance, of each data plane; the worst one counts.

    Nothing is kept of an instance whose circuit is closed.
    """

    def __init__(self) -> None:
        self._reports: dict[tuple[InstanceId, str, str], CircuitReport] = {}
        self._listeners: list[Listener] = []
        self.ejections: dict[PluginId, int] = {}
        """How often an instance was taken out, by plugin; never falls."""

    def report(self, report: CircuitReport, process: str = "") -> None:
        """``process`` names the data plane that says so, where there are several."""
        key = (report.instance, report.incarnation, process)
        before, shown = self._reports.get(key), self.of(report.instance)
        if report == before:
            return  # Said again to somebody who might not have heard it.
        if report.state == "closed":
            self._reports.pop(key, None)
        else:
            self._reports[key] = report
        if report.state == "open":
            self.ejections[report.plugin] = self.ejections.get(report.plugin, 0) + 1
        now = self.of(report.instance)
        if _state(now) == _state(shown) and now is not None:
            return  # For the others it stays as it was.
        for listener in self._listeners:
            listener(now or report)

    def forget(self, instance: InstanceId, incarnation: str, process: str = "") -> None:
        """It is gone, and what was said of it with it."""
        self._reports.pop((instance, incarnation, process), None)

    def leave(self, process: str) -> None:
        """The data plane has ended, and what it said counts no more."""
        self._reports = {key: report for key, report in self._reports.items() if key[2] != process}

    def of(self, instance: InstanceId) -> CircuitReport | None:
        """None where all is well."""
        found = [report for (id_, _, _), report in tuple(self._reports.items()) if id_ == instance]
        return max(found, key=lambda report: (report.state == "open", report.until), default=None)

    def all(self) -> list[CircuitReport]:
        """The worst word on each instance."""
        instances = dict.fromkeys(instance for instance, _, _ in tuple(self._reports))
        return [report for instance in instances if (report := self.of(instance)) is not None]

    def on_report(self, listener: Listener) -> None:
        self._listeners.append(listener)
