"""Releases of the plugin `mover`, each in a directory of its own, as the built-in source finds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_CODE = Path(__file__).parent / "fakes" / "mover" / "mover.py"


def add_release(directory: Path, version: str, **behaviour: Any) -> Path:
    """Write one release under ``directory``, which is to be in PLUGWAY_PLUGIN_PATH."""
    target = directory / f"mover-{version}"
    target.mkdir(parents=True)
    (target / "mover.py").write_text(_CODE.read_text())
    (target / "behaviour.json").write_text(json.dumps({"version": version, **behaviour}))
    egress, volumes = (json.dumps(behaviour.get(name, [])) for name in ("egress", "volumes"))
    (target / "plugway.toml").write_text(
        f'id = "mover"\nversion = "{version}"\nname = "Mover"\n'
        'command = ["{python}", "-m", "mover"]\nimage = "plugway-test/mover"\n'
        f"[permissions]\negress = {egress}\nvolumes = {volumes}\n"
    )
    return target
