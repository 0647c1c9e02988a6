"""What the plugin says about itself."""

from __future__ import annotations

from plugway_sdk import Permissions, Plugin, RouteRule

from redis_management.app import create_app
from redis_management.links import Links
from redis_management.settings import VERSION, Settings, migrate

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
EGRESS = ("settings:/connections/*/url", "settings:/connections/*/nodes")
# Also to look at: what everyone says to Redis, where its files lie, who may do what.
FOR_ADMINISTRATORS = ("/monitor", "/configuration", "/acl")
DESCRIPTION = "Manage Redis servers: keys, values, clients, slow log."


def create_plugin() -> Plugin[Settings]:
    """A plugin with connections of its own; nothing is connected yet."""
    links = Links()

    async def configure(settings: Settings) -> None:
        # Redis may be away at this moment: that is told by each call, and is no reason to refuse settings.
        await links.use(settings)

    app = create_app(links)
    return Plugin(
        id="redis-management",
        version="1.1.0",
        name="Redis",
        description=DESCRIPTION,
        app=app,
        openapi=app.openapi,
        settings=Settings,
        settings_version=VERSION,
        migrate=migrate,
        on_configure=configure,
        ui="ui",
        ui_kit=True,
        ui_styles=("kit/kit.css", "styles.css"),
        permissions=Permissions(egress=EGRESS),
        routes=(
            RouteRule(path_prefix="/connection/test", access="user"),
            *(RouteRule(path_prefix=prefix, access="admin") for prefix in FOR_ADMINISTRATORS),
            RouteRule(path_prefix="/", methods=CHANGING, access="admin"),
            RouteRule(path_prefix="/", access="user"),
        ),
    )
