"""What the plugin says about itself."""

from __future__ import annotations

from plugway_sdk import Permissions, Plugin, RouteRule

from minio_management.accounts import PREFIX as ACCOUNTS
from minio_management.app import create_app
from minio_management.links import Links
from minio_management.settings import Settings

CHANGING = ("POST", "PUT", "PATCH", "DELETE")


def create_plugin() -> Plugin[Settings]:
    """A plugin with connections of its own; nothing is connected yet."""
    links = Links()

    async def configure(settings: Settings) -> None:
        # A server may be away at this moment: each call tells, and it is no reason to refuse settings.
        links.use(settings)

    app = create_app(links)
    return Plugin(
        id="minio-management",
        version="1.0.0",
        name="MinIO",
        description="Manage MinIO servers: buckets, objects, users, policies, access keys, drives and usage.",
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
            RouteRule(path_prefix=ACCOUNTS, access="admin"),
            RouteRule(path_prefix="/", methods=CHANGING, access="admin"),
            RouteRule(path_prefix="/", access="user"),
        ),
    )
