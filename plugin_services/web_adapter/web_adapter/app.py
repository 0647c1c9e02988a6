"""The plugin of one directory: its page, and its API where there is one."""

from __future__ import annotations

from pathlib import Path

from plugway_sdk import Permissions, Plugin
from plugway_sdk.plugin import AsgiApp

from web_adapter.config import read_config
from web_adapter.problems import no_api


def make_plugin(directory: Path) -> Plugin:
    """Reads ``adapter.json``; the proxy's libraries are loaded only where there is an API."""
    config = read_config(directory)
    app: AsgiApp = no_api
    if config.api is not None:
        from web_adapter.proxy import Proxy

        ca_file = directory / "ca.pem"
        app = Proxy(config.api, ca_file if ca_file.exists() else None)
    ui = config.ui
    return Plugin(
        id=config.id,
        version=config.version,
        name=config.name,
        description=config.description,
        app=app,
        ui=directory / "ui" if ui else None,
        ui_entry=ui.entry if ui else "index.js",
        ui_styles=ui.styles if ui else (),
        ui_type=ui.type if ui else "static",
        permissions=Permissions(egress=(config.api.egress,) if config.api else (), origins=config.origins),
    )
