"""A plugin's FastAPI app, with what none of them should forget."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from plugway_sdk.web.problems import answer_refusals


def new_app(
    routers: Iterable[APIRouter],
    *,
    title: str,
    summary: str,
    version: str,
    namespace: str,
    at_end: Callable[[], Awaitable[None] | None],
) -> FastAPI:
    """An app of ``routers``, without pages of its own: the gateway shows the documents of all plugins.

    It answers refusals as :func:`answer_refusals` does for ``namespace``; ``at_end`` runs when it is shut
    down.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        ending = at_end()
        if ending is not None:
            await ending

    app = FastAPI(
        title=title,
        version=version,
        summary=summary,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Given as they are: an included router's routes are all built a second time.
        routes=[route for router in routers for route in router.routes],
    )
    answer_refusals(app, namespace)
    return app
