"""What the plugin says about itself."""

from __future__ import annotations

from plugway_sdk import Permissions, Plugin, RouteRule

from power_bi.app import create_app
from power_bi.embedding import PREFIX as EMBEDDING
from power_bi.links import Links
from power_bi.settings import Settings

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
# The addresses that hold where the settings name none are those of the public cloud.
EGRESS = (
    "api.powerbi.com:443",
    "login.microsoftonline.com:443",
    "settings:/connections/*/apiUrl",
    "settings:/connections/*/loginUrl",
)
ORIGINS = ("frame-src https://app.powerbi.com",)


def create_plugin() -> Plugin[Settings]:
    """A plugin with connections of its own; nothing is connected yet."""
    links = Links()

    async def configure(settings: Settings) -> None:
        # The service may be away at this moment: each call tells, and it is no reason to refuse settings.
        await links.use(settings)

    app = create_app(links)
    return Plugin(
        id="power-bi",
        version="1.0.0",
        name="Power BI",
        description="Power BI workspaces, reports, dashboards and datasets: look, refresh, and show reports.",
        app=app,
        openapi=app.openapi,
        settings=Settings,
        on_configure=configure,
        ui="ui",
        ui_kit=True,
        ui_styles=("kit/kit.css", "styles.css"),
        permissions=Permissions(egress=EGRESS, origins=ORIGINS),
        routes=(
            RouteRule(path_prefix="/connection/test", access="user"),
            RouteRule(path_prefix=EMBEDDING, access="user"),
            RouteRule(path_prefix="/", methods=CHANGING, access="admin"),
            RouteRule(path_prefix="/", access="user"),
        ),
    )
