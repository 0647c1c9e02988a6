"""Authlib's client, imported when somebody first signs in with a provider."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any


@cache
def client_class() -> Any:
    """``AsyncOAuth2Client``. Blocks on files the first time."""
    from authlib.deprecate import AuthlibDeprecationWarning

    with warnings.catch_warnings():
        # It would like httpx's successor, which nothing else here uses.
        warnings.simplefilter("ignore", AuthlibDeprecationWarning)
        from authlib.integrations.httpx_client import AsyncOAuth2Client
    return AsyncOAuth2Client
