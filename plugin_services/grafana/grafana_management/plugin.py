"""What the plugin says about itself."""

from __future__ import annotations

from plugway_sdk import Permissions, Plugin, RouteRule

from grafana_management.app import create_app
from grafana_management.links import Links
from grafana_management.settings import Settings
from grafana_management.users import PEOPLE

CHANGING = ("POST", "PUT", "PATCH", "DELETE")


def create_plugin() -> Plugin[Settings]:
    """A plugin with connections of its own; nothing is connected yet."""
    links = Links()

    async def configure(settings: Settings) -> None:
        # A server may be away at this moment: each call tells, and it is no reason to refuse settings.
        await links.use(settings)

    app = create_app(links)
    return Plugin(
        id="grafana",
        version="1.0.0",
        name="Grafana",
        description="Manage Grafana servers: dashboards and their data, alerts, data sources, people.",
        app=app,
        openapi=app.openapi,
        settings=Settings,
        on_configure=configure,
        ui="ui",
        ui_kit=True,
        ui_styles=("kit/kit.css", "styles.css"),
        permissions=Permissions(egress=("settings:/connections/*/url",)),
        routes=(
            RouteRule(path_prefix="/connection/test", access="user"),
            RouteRule(path_prefix=PEOPLE, access="admin"),
            RouteRule(path_prefix="/", methods=CHANGING, access="admin"),
            RouteRule(path_prefix="/", access="user"),
        ),
    )
