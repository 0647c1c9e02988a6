"""Pages of plugins as the content store has them. Nothing mutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.model import UiType


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedUi:
    """What of a UI stands in its document itself: sha256 digests (hex) of texts in the content store.

    ``entry`` is the one module's, ``modules`` maps the bundle paths of several to texts; where they stay
    files, neither is there, and ``why_not`` has the reason. ``styles`` maps bundle paths of style sheets to
    texts, those left out stay files. ``version`` is the packer's.
    """

    version: int
    entry: str = ""
    modules: Mapping[str, str] = field(default_factory=dict)
    styles: Mapping[str, str] = field(default_factory=dict)
    why_not: str = ""

    @property
    def digests(self) -> frozenset[str]:
        """Of all that it needs from the content store."""
        return frozenset((self.entry, *self.modules.values(), *self.styles.values())) - {""}


@dataclass(frozen=True, slots=True, kw_only=True)
class UiBundle:
    """A UI in the content store: ``files`` maps bundle paths to sha256 digests (hex)."""

    digest: str
    type: UiType
    entry: str
    styles: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    packed: PackedUi | None = None
