"""Metrics of strangers beside our own: parsed, labelled, capped, and merged so that one text holds all. Pure.

A plugin's text is taken whole or not at all, and what it holds can neither stand in for another's figures
nor for the gateway's: its names are held against ours, and its labels are overruled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus_text
from prometheus_client.samples import Sample

MOST_BYTES = 1024 * 1024
MOST_SERIES = 2000
_LONGEST_LINE = 8192
"""The parser takes time that grows with the square of a line's labels."""

_MOST_LABELS = 24
_LONGEST_VALUE = 256
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OURS = "plugway_"
_FROM_SDK = frozenset({"plugway_plugin_calls", "plugway_plugin_call_seconds", "plugway_plugin_open_calls"})
_SUFFIXES = {
    "counter": ("_total", "_created"),
    "summary": ("", "_sum", "_count", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "info": ("_info",),
}


class Unreadable(Exception):
    """A text that is no exposition; its message is one short word for a label."""


def read(content_type: str, text: bytes) -> list[Metric]:
    """The families of a plugin's text; raises :class:`Unreadable`. May take a tenth of a second."""
    if len(text) > MOST_BYTES:
        raise Unreadable("too-large")
    try:
        lines = text.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("not-text") from None
    if any(len(line) > _LONGEST_LINE for line in lines.split("\n")):
        raise Unreadable("long-line")
    parse = openmetrics if content_type.startswith("application/openmetrics-text") else prometheus_text
    try:
        return list(parse(lines))
    except Exception:  # noqa: BLE001  a stranger's text: whatever the parser raises
        raise Unreadable("not-metrics") from None


class Merged:
    """Families by name, of the gateway first and then of one plugin after the other.

    ``dropped`` counts the series of each plugin that were left out.
    """

    def __init__(self, own: Iterable[Metric]) -> None:
        self._families: dict[str, Metric] = {}
        self._samples: dict[str, str] = {}
        self._seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
        self.dropped: dict[str, int] = {}
        for family in own:
            self._claim(family)
            self._families[family.name] = family

    def add(self, families: Iterable[Metric], labels: Mapping[str, str], most: int = MOST_SERIES) -> None:
        """Take over what a plugin said, under ``labels``, of which one is ``plugin``."""
        left = most
        for family in families:
            if not family.samples:
                continue
            into, taken = self._place(family), 0
            if into is not None:
                for sample in family.samples:
                    if taken < left and (clean := self._clean(family.name, sample, labels)):
                        into.samples.append(clean)
                        taken += 1
            left -= taken
            if missing := len(family.samples) - taken:
                plugin = labels["plugin"]
                self.dropped[plugin] = self.dropped.get(plugin, 0) + missing

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._families.values())

    def _place(self, family: Metric) -> Metric | None:
        """Where its samples belong; None where its name is another's or of another type."""
        name = family.name
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_VALUE:
            return None
        if name.startswith(_OURS) and name not in _FROM_SDK:
            return None
        known = self._families.get(name)
        if known is not None:
            return known if known.type == family.type else None
        if any(self._samples.get(sample, name) != name for sample in _sample_names(family)):
            return None
        fresh = Metric(name, family.documentation[:500], family.type)
        self._claim(fresh)
        self._families[name] = fresh
        return fresh

    def _claim(self, family: Metric) -> None:
        for name in _sample_names(family):
            self._samples.setdefault(name, family.name)

    def _clean(self, family: str, sample: Sample, labels: Mapping[str, str]) -> Sample | None:
        """Without time stamps and exemplars, of which a wrong one would spoil the whole text."""
        said = sample.labels
        if self._samples.get(sample.name) != family or len(said) > _MOST_LABELS:
            return None
        own = {}
        for name, value in said.items():
            if not _LABEL.fullmatch(name) or len(value) > _LONGEST_VALUE:
                return None
            own[f"exported_{name}" if name in labels else name] = value
        full = {**own, **labels}
        key = (sample.name, tuple(sorted(full.items())))
        if key in self._seen:
            return None
        self._seen.add(key)
        return Sample(sample.name, full, float(sample.value))


def _sample_names(family: Metric) -> tuple[str, ...]:
    return (family.name, *(family.name + suffix for suffix in _SUFFIXES.get(family.type, ())))
