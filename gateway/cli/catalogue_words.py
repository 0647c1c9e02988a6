"""What the commands about catalogues say, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.page_origins import page_origin_words

SIGNATURES = {
    "built-in": "ships with the gateway",
    "named": "offered; judged when it is installed",
    "beside": "looked for beside the image when it is installed",
    "none": "none is offered",
}


def permissions(granted: Mapping[str, Any], nothing: str = "nothing outside its sandbox") -> str:
    """``connect to host:443; keep the volume data``."""
    parts = [f"connect to {_address(address)}" for address in granted["egress"]]
    parts += [f"keep the volume {name}" for name in granted["volumes"]]
    parts += [f"let its page {page_origin_words(origin)}" for origin in granted["origins"]]
    return "; ".join(parts) or nothing


def _address(address: str) -> str:
    if address.startswith("settings:"):
        return f"what its setting {address.removeprefix('settings:')} names"
    return address


def place(catalogue: str) -> str:
    return f"the catalogue {catalogue}" if catalogue else "the gateway's own plugins"
