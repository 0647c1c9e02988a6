"""Grafana's words for times (``now-6h``, ``now/d``, milliseconds), as milliseconds since 1970. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from plugway_sdk.web.problems import Refused

PATTERN = r"^(\d{1,15}|now(-\d{1,6}[smhdwMy])?(/[smhdwMy])?)$"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_STEPS = (
    1,
    2,
    5,
    10,
    15,
    20,
    30,
    60,
    120,
    300,
    600,
    900,
    1200,
    1800,
    3600,
    7200,
    10_800,
    21_600,
    43_200,
    86_400,
)


@dataclass(frozen=True)
class Window:
    """A range of time, in milliseconds."""

    begin: int
    end: int

    def step(self, points: int) -> int:
        """Milliseconds between points, so that there are about ``points``; a round number of seconds."""
        wanted = (self.end - self.begin) / 1000 / points
        return 1000 * next((step for step in _STEPS if step >= wanted), 86_400)


def window(begin: str, end: str, now: datetime) -> Window:
    """Raises Refused for what is no time, or ends before it begins."""
    found = Window(_moment(begin, now, late=False), _moment(end, now, late=True))
    if found.end <= found.begin:
        raise Refused("The time range ends before it begins.")
    return found


def _moment(text: str, now: datetime, *, late: bool) -> int:
    if not re.match(PATTERN, text):
        raise Refused(
            f"'{text[:40]}' is no time.", hint="Write now, now-6h, now/d, or milliseconds since 1970."
        )
    if text.isdecimal():
        return int(text)
    parts = re.match(r"now(?:-(\d+)([smhdwMy]))?(?:/([smhdwMy]))?", text)
    assert parts is not None
    moment = now.astimezone(UTC)
    try:
        if parts[1]:
            moment = _back(moment, int(parts[1]), parts[2])
        if parts[3]:
            moment = _rounded(moment, parts[3], late=late)
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        raise Refused(f"'{text}' is too long ago.") from None


def _back(moment: datetime, number: int, unit: str) -> datetime:
    if unit in _SECONDS:
        return moment - timedelta(seconds=number * _SECONDS[unit])
    months = moment.year * 12 + moment.month - 1 - number * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _rounded(moment: datetime, unit: str, *, late: bool) -> datetime:
    """To the beginning of the unit; with ``late``, to its end."""
    if unit in ("s", "m", "h", "d", "w"):
        size = _SECONDS[unit] if unit != "w" else 86_400
        begin = datetime.fromtimestamp(moment.timestamp() // size * size, UTC)
        begin -= timedelta(days=begin.weekday()) if unit == "w" else timedelta()
        return begin + timedelta(seconds=_SECONDS[unit], milliseconds=-1) if late else begin
    begin = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begin = begin.replace(month=1) if unit == "y" else begin
    if not late:
        return begin
    return _back(begin, -1, unit) - timedelta(milliseconds=1)
