"""How calls ended, as a worker tells it: what changes the supervisor's mind goes to it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.model import InstanceId
from gateway.registry.boards import OutcomeBoard
from gateway.registry.circuits import CircuitBoard, CircuitReport
from gateway.windows import Window
from gateway.workers.messages import Circuit, CircuitGone, Failed, Good, Measured, Message, Watched


class ToldCircuits(CircuitBoard):
    """Instances that are taken out, as the control process is told of them."""

    def __init__(self, tell: Callable[[Message], object]) -> None:
        super().__init__()
        self._tell = tell

    def report(self, report: CircuitReport, process: str = "") -> None:
        super().report(report, process)
        self._tell(Circuit(report=report))

    def forget(self, instance: InstanceId, incarnation: str, process: str = "") -> None:
        super().forget(instance, incarnation, process)
        self._tell(CircuitGone(instance=instance, incarnation=incarnation))

    def repeat(self) -> None:
        """Tell a control process that knows nothing of it."""
        for report in self.all():
            self._tell(Circuit(report=report))


class ToldOutcomes(OutcomeBoard):
    """``tell`` takes a message, or drops it where nobody is there to be told."""

    def __init__(self, tell: Callable[[Message], object]) -> None:
        super().__init__()
        self._tell = tell
        self._doubted: set[InstanceId] = set()
        self._spans: dict[InstanceId, int] = {}

    def ok(self, instance: InstanceId) -> None:
        if self._doubted and instance in self._doubted:
            self._doubted.discard(instance)
            self._tell(Good(instance=instance))

    def failed(self, instance: InstanceId, reason: str) -> None:
        self._doubted.add(instance)
        self._tell(Failed(instance=instance, reason=reason))

    def watch(self, watched: Watched) -> None:
        """Measure these, each from now on where its span is new."""
        self._doubted = set(watched.doubted)
        for instance in self.windows.keys() - watched.measured.keys():
            del self.windows[instance]
        for instance, span in watched.measured.items():
            if self._spans.get(instance) != span or instance not in self.windows:
                self.windows[instance] = Window()
        self._spans = dict(watched.measured)

    def measurements(self) -> Iterator[Measured]:
        """What was measured since the last time."""
        for instance, window in self.windows.items():
            if window.calls:
                yield Measured(
                    instance=instance,
                    span=self._spans[instance],
                    calls=window.calls,
                    errors=window.errors,
                    buckets=tuple(window.buckets),
                )
                self.windows[instance] = Window()
