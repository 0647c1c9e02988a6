"""The route templates that a manifest declares, as they may stand in metrics, logs and traces. Pure."""

from __future__ import annotations

import re
from itertools import islice

from gateway.model import Manifest

MOST_TEMPLATES = 64
"""Templates of one release; paths of the others count as ``other``."""

_TEMPLATE = re.compile(r"/[!#-\[\]-~]{0,127}")
_LOOKED_AT = 512


def route_templates(manifest: Manifest | None) -> tuple[str, ...]:
    """Paths of its OpenAPI document, then ``PREFIX/*`` of its access rules; strange ones are left out."""
    if manifest is None:
        return ()
    paths = (manifest.openapi or {}).get("paths")
    declared = list(islice(paths, _LOOKED_AT)) if isinstance(paths, dict) else []
    declared += [rule.path_prefix.rstrip("/") + "/*" for rule in manifest.routes[:_LOOKED_AT]]
    fit = dict.fromkeys(path for path in declared if isinstance(path, str) and _TEMPLATE.fullmatch(path))
    return tuple(islice(fit, MOST_TEMPLATES))
