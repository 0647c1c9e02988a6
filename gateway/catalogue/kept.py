"""What was fetched of a catalogue, on the disk: a gateway without network goes on with it.

``catalogues/NAME/index.json`` is the envelope as it came, ``state.json`` what must not be forgotten.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.catalogue.signed import Seen
from gateway.home import Home
from gateway.trust.envelope import MAX_BYTES

FOLDER = "catalogues"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """``envelope`` is empty where there is none; ``fetched_at`` is Unix time, 0 for never."""

    envelope: bytes = b""
    seen: Seen = Seen()
    fetched_at: float = 0.0


class _State(BaseModel):
    model_config = ConfigDict(extra="ignore")

    serial: int = 0
    sha256: str = ""
    fetchedAt: float = 0.0  # noqa: N815  its name in the file


def read_kept(home: Path, name: str) -> Kept:
    """What is there; what cannot be read counts as not there. Blocking."""
    folder = home / FOLDER / name
    try:
        state = _State.model_validate_json((folder / "state.json").read_bytes())
    except (OSError, ValidationError):
        state = _State()
    try:
        with (folder / "index.json").open("rb") as file:
            envelope = file.read(MAX_BYTES + 1)
    except OSError:
        envelope = b""
    seen = Seen(serial=state.serial, sha256=state.sha256)
    return Kept(envelope=envelope, seen=seen, fetched_at=state.fetchedAt)


def write_kept(home: Path, name: str, kept: Kept) -> None:
    """Blocking; raises OSError."""
    place = Home(home)
    state = {"serial": kept.seen.serial, "sha256": kept.seen.sha256, "fetchedAt": kept.fetched_at}
    # The index first: killed between the two, the gateway finds one that is newer than it knows of.
    place.write_private(f"{FOLDER}/{name}/index.json", kept.envelope.decode())
    place.write_private(f"{FOLDER}/{name}/state.json", json.dumps(state))


def forget_kept(home: Path, name: str) -> None:
    """Blocking."""
    shutil.rmtree(home / FOLDER / name, ignore_errors=True)
