"""The quotas of one plugin, as the data plane holds every call against them."""

from __future__ import annotations

from gateway.call_limits import Quotas, RouteQuota
from gateway.errors import PlugwayError
from gateway.model import Caller
from gateway.proxy.limits.rate import Bucket, Buckets
from gateway.proxy.paths import plain


class TooManyCalls(PlugwayError):
    """One caller, or all of them, call more often than the operator lets them."""

    key, title, status = "too-many-calls", "Too many calls", 429


class Count:
    """Calls that run. ``users`` holds those that run one, and no others."""

    __slots__ = ("running", "users")

    def __init__(self) -> None:
        self.running = 0
        self.users: dict[str, int] = {}


class Permit:
    """A call that was let in; :meth:`release` it once, when it has ended."""

    __slots__ = ("_route", "_user", "_users")

    def __init__(self, route: Count | None, users: Count | None, user: str) -> None:
        self._route = route
        self._users = users
        self._user = user
        if route is not None:
            route.running += 1
        if users is not None:
            users.users[user] = users.users.get(user, 0) + 1

    def release(self) -> None:
        if self._route is not None:
            self._route.running -= 1
        if self._users is not None:
            left = self._users.users[self._user] - 1
            if left:
                self._users.users[self._user] = left
            else:
                del self._users.users[self._user]


class Gate:
    """Lets calls of one plugin in. A change of its quotas makes a new one, which counts from then on.

    In each of several processes it lets in its part: rates and numbers are divided by ``processes``.
    """

    def __init__(self, plugin: str, quotas: Quotas, processes: int = 1) -> None:
        self._plugin = plugin
        self._all = Bucket(quotas.rate, processes) if quotas.rate else None
        self._users = Buckets(quotas.user_rate, processes) if quotas.user_rate else None
        self._user_most = part(quotas.user_concurrent, processes)
        self._running = Count()
        self._routes = [_Place(route, processes) for route in quotas.routes]

    def admit(self, method: str, path: bytes, who: str, now: float) -> Permit | TooManyCalls:
        """``now`` in seconds of any steady clock. What is refused has taken nothing from any bucket."""
        place = self._place(method, path) if self._routes else None
        if place is not None and place.most is not None and place.count.running >= place.most:
            return self._full("route-concurrency", f"{place.most} calls to {place.name} run now")
        if self._user_most is not None and self._running.users.get(who, 0) >= self._user_most:
            return self._full("user-concurrency", f"{self._user_most} of your calls run now")
        waits = [
            (place.bucket.wait(now) if place and place.bucket else 0.0, "route-rate"),
            (self._users.wait(who, now) if self._users else 0.0, "user-rate"),
            (self._all.wait(now) if self._all else 0.0, "rate"),
        ]
        longest, reason = max(waits, key=lambda wait: wait[0])
        if longest > 0.0:
            return self._too_fast(reason, longest, place)
        if place is not None and place.bucket is not None:
            place.bucket.take(now)
        if self._users is not None:
            self._users.take(who, now)
        if self._all is not None:
            self._all.take(now)
        return Permit(
            place.count if place is not None and place.most is not None else None,
            self._running if self._user_most is not None else None,
            who,
        )

    def _place(self, method: str, path: bytes) -> _Place | None:
        segments = plain(path).strip(b"/").split(b"/")
        return next((place for place in self._routes if place.matches(method, segments)), None)

    def _full(self, reason: str, words: str) -> TooManyCalls:
        return TooManyCalls(
            f"{words}, as many as there may be. Wait until one has ended.",
            plugin=self._plugin,
            reason=reason,
            retry_after=1.0,
        )

    def _too_fast(self, reason: str, wait: float, place: _Place | None) -> TooManyCalls:
        whose = {
            "rate": f"{self._plugin} is called",
            "user-rate": f"You call {self._plugin}",
            "route-rate": f"{place.name if place else 'This route'} is called",
        }
        return TooManyCalls(
            f"{whose[reason]} more often than its operator allows.",
            plugin=self._plugin,
            reason=reason,
            retry_after=wait,
        )


class _Place:
    """A route with a quota of its own."""

    __slots__ = ("_methods", "_segments", "bucket", "count", "most", "name")

    def __init__(self, quota: RouteQuota, processes: int) -> None:
        self._methods = quota.methods
        self._segments = [
            None if part.startswith("{") and part.endswith("}") else part.encode()
            for part in quota.path.strip("/").split("/")
            if part
        ]
        self.bucket = Bucket(quota.rate, processes) if quota.rate else None
        self.most = part(quota.concurrent, processes)
        self.count = Count()
        self.name = " ".join([*sorted(quota.methods), quota.path])

    def matches(self, method: str, segments: list[bytes]) -> bool:
        if self._methods and method not in self._methods:
            return False
        mine = self._segments
        return len(mine) <= len(segments) and all(
            wanted is None or wanted == found for wanted, found in zip(mine, segments, strict=False)
        )


def part(number: int | None, processes: int) -> int | None:
    """One process's part of a number of calls: rounded up, so that it is never none."""
    return None if number is None else max(1, -(-number // processes))


def caller_key(caller: Caller | None, client: tuple[str, int] | None) -> str:
    """Whose bucket a call takes from: the user's, or that of the address where nobody is known."""
    if caller is not None:
        return caller.user
    address = client[0] if client else ""
    # One household has a /64 of IPv6, so single addresses of it mean nothing.
    return "\0" + (":".join(address.split(":")[:4]) if ":" in address else address)
