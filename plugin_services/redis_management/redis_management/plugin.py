"""What the plugin says about itself."""

from __future__ import annotations

from plugway_sdk import Permissions, Plugin, RouteRule

from redis_management.app import create_app
from redis_management.connections import Connections
from redis_management.settings import Settings

CHANGING = ("POST", "PUT", "PATCH", "DELETE")


def create_plugin() -> Plugin[Settings]:
    """A plugin with connections of its own; nothing is connected yet."""
    connections = Connections()

    async def configure(settings: Settings) -> None:
        # Redis may be away at this moment: that is told by each call, and is no reason to refuse settings.
        await connections.use(settings)

    app = create_app(connections)
    return Plugin(
        id="redis-management",
        version="1.0.0",
        name="Redis",
        description="Look into a Redis server and change what is there: keys, values, clients, slow log.",
        app=app,
        openapi=app.openapi,
        settings=Settings,
        on_configure=configure,
        ui="ui",
        ui_kit=True,
        ui_styles=("kit/kit.css", "styles.css"),
        permissions=Permissions(egress=("settings:/url",)),
        routes=(
            RouteRule(path_prefix="/connection/test", access="user"),
            RouteRule(path_prefix="/", methods=CHANGING, access="admin"),
            RouteRule(path_prefix="/", access="user"),
        ),
    )
