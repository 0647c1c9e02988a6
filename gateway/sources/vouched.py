"""What a registry signed of a version, as it travels beside the version's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Signatures = tuple[Mapping[str, str], ...]
"""Each with ``keyid`` and ``sig``, as npm registries write them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """``integrity`` is what was signed, in the registry's own words; both are empty where nothing was."""

    integrity: str = ""
    signatures: Signatures = ()


NOTHING = Vouched()
