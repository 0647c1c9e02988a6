"""SQLAlchemy's asynchronous engine without its object mapper, which nothing here uses.

The package that the engine is in imports the mapper for the sake of sessions: a seventh of what a start
imports before its first plugin, and 6 MB in each gateway.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec

_PACKAGE = "sqlalchemy.ext.asyncio"


def _import_engine() -> None:
    """Import the engine's module from a package that has not been run."""
    if _PACKAGE in sys.modules:
        return
    spec = find_spec(_PACKAGE)
    assert spec is not None
    sys.modules[_PACKAGE] = module_from_spec(spec)
    try:
        import_module(f"{_PACKAGE}.engine")
    finally:
        # Who asks for the package itself gets all of it.
        del sys.modules[_PACKAGE]


_import_engine()

from sqlalchemy.ext.asyncio.engine import (  # noqa: E402
    AsyncConnection,
    AsyncEngine,
    create_async_engine,
)

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]
