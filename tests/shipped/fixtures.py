"""Fixtures for the plugin that the fixture ``create_plugin`` of its own conftest makes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from plugway_sdk import Plugin
from plugway_sdk.testing import PluginClient, harness

from tests.shipped.servers import Server

Create = Callable[[], Plugin[Any]]
Open = Callable[..., AbstractAsyncContextManager[PluginClient]]


@pytest.fixture(scope="session")
def document(create_plugin: Create) -> Any:
    """The plugin's OpenAPI document, made once: it takes a third of a second."""
    app: Any = create_plugin().app
    return app.openapi()


@pytest.fixture
def open_plugin(create_plugin: Create, document: Any) -> Open:
    """The plugin over its contract, with a server's connection and more of its fields, with one
    connection of these fields, or with these connections."""

    @asynccontextmanager
    async def opened(
        server: Server | None = None, *, connections: dict[str, Any] | None = None, **fields: Any
    ) -> AsyncIterator[PluginClient]:
        if server is not None:
            connections = server.connections(**fields)
        elif fields:
            connections = {"local": fields}
        plugin = create_plugin()
        plugin.openapi = document
        settings = None if connections is None else {"connections": connections}
        async with harness(plugin, settings=settings) as client:
            yield client

    return opened


@pytest.fixture
async def page() -> AsyncIterator[Any]:
    """A tab of a real browser; whatever the page complains of fails the test."""
    from tests.shipped.browser import open_browser, open_page

    async with open_browser() as browser, open_page(browser) as opened:
        yield opened
