"""Routes to plugins with typed services, for a data plane under test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from gateway.model import Endpoint, TypedServices
from gateway.routing import Route
from tests.fakes.data_plane import Plane, route
from tests.fakes.typed_library import BEYOND, LIBRARY, descriptor_set


async def typed_route(
    plane: Plane, *endpoints: Endpoint, services: tuple[str, ...] = (LIBRARY, BEYOND), **more: Any
) -> Route:
    """As :func:`route`, with the library's services; their descriptors go into the plane's store."""
    digest = await plane.content.put(_once(descriptor_set()))
    plain = route(*endpoints, **more)
    typed = TypedServices(names=services, descriptors=digest)
    targets = tuple(replace(target, typed=typed) for target in plain.targets)
    return replace(plain, targets=targets, services=services)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
