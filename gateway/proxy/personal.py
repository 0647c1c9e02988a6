"""Users whose calls go to a copy of the plugin of their own."""

from __future__ import annotations

from gateway.access.roles import Role, allows
from gateway.proxy.access import Doorman
from gateway.proxy.head import Head, plain_head
from gateway.proxy.headers import Pairs
from gateway.proxy.prepared import PreparedRoute


def route_for(
    route: PreparedRoute, doorman: Doorman, headers: Pairs, head: Head | None = None
) -> PreparedRoute:
    """The caller's own route, where there is one. Who calls is only asked where anybody has one.

    A caller who is no administrator of the plugin any more meets what everybody meets.
    """
    own = route.personal
    if own is None:
        return route
    head = head or plain_head(headers)
    caller = doorman.identify(head.authorization, head.cookie)
    if caller is None or caller.user not in own or not allows(caller, Role.ADMIN, route.route.plugin_id):
        return route
    return own[caller.user]
