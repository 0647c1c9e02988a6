"""Who takes a call that an instance has refused, as it is being replaced."""

from __future__ import annotations

from collections.abc import Callable

from gateway.proxy.head import Head
from gateway.proxy.prepared import PreparedRoute, PreparedTarget
from gateway.proxy.upstream import Upstream

RouteOf = Callable[[bytes], PreparedRoute | None]
Place = tuple[PreparedTarget, Upstream]


def elsewhere(
    route_of: RouteOf, route: PreparedRoute, tried: Place, head: Head, method: str, path: bytes
) -> Place | None:
    """By the newest table, as what failed the call may have left it by now.

    None where nobody else is there; and where another release asks more, or less, of callers at
    this path, as the call was judged by the rules of the one that was tried.
    """
    newest = route_of(route.key) or route
    target, upstream = tried
    found = newest.elsewhere(upstream, head.release)
    if found is None or found[0].rules.access(method, path) is not target.rules.access(method, path):
        return None
    return found
