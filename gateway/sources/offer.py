"""What is now where an installed release came from: told, never taken."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model import Permissions


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What there is under ``reference``, a tag or a URL; ``changed`` where it is not what is installed.

    ``digest`` is of what is there, ``installed`` of what was there then. ``newest`` is the newest
    version beyond the installed one that a registry lists, empty where there is none, and
    ``permissions`` are what that asks for.
    """

    reference: str
    digest: str
    installed: str
    version: str
    changed: bool
    newest: str = ""
    permissions: Permissions = Permissions()
