"""Routing tables as frames: what changed for those who follow, the whole for those who begin."""

from __future__ import annotations

from gateway.model import PluginId
from gateway.routing import Route, Snapshot
from gateway.workers.messages import Routes, encode_route, encode_routes


class Feed:
    """Each route is encoded once, however many workers and tables there are."""

    def __init__(self) -> None:
        self._encoded: dict[PluginId, tuple[Route, bytes]] = {}
        self.snapshot = Snapshot()
        """The table that was encoded last."""

    def change_to(self, snapshot: Snapshot) -> bytes:
        """The frame that leads from the table before to this one."""
        before, self.snapshot = self.snapshot.routes, snapshot
        routes = snapshot.routes.values()
        put = [self._encode(route) for route in routes if before.get(route.plugin_id) != route]
        gone = tuple(before.keys() - snapshot.routes.keys())
        for id_ in gone:
            self._encoded.pop(id_, None)
        # Numbers grow by one, so the one before is what these changes follow on.
        change = Routes(epoch=snapshot.epoch, number=snapshot.number, base=snapshot.number - 1, gone=gone)
        return encode_routes(change, put)

    def whole(self) -> bytes:
        """The frame of the table as it is."""
        snapshot = self.snapshot
        put = [self._encode(route) for route in snapshot.routes.values()]
        return encode_routes(Routes(epoch=snapshot.epoch, number=snapshot.number), put)

    def _encode(self, route: Route) -> bytes:
        known = self._encoded.get(route.plugin_id)
        if known is None or (known[0] is not route and known[0] != route):
            known = self._encoded[route.plugin_id] = route, encode_route(route)
        return known[1]
