"""A plugin whose startup fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from plugway_sdk import Plugin, serve


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    raise RuntimeError("the disk is missing")
    yield


if __name__ == "__main__":
    serve(Plugin(id="sample", version="1.0.0", app=FastAPI(lifespan=lifespan)))
