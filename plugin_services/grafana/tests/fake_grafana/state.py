"""All that the server knows, in one JSON document that survives a kill -9."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

TOKEN = "glsa_testToken0123456789_abcdef01"
EXPIRED = "glsa_expired0123456789_abcdef02"
VIEWER = "glsa_viewer0123456789_abcdef03"
ADMIN = ("admin", "s3cret-Passw0rd-&%/")
QUOTA = 12_000
"""Dashboards that an organisation may have."""


class Wrong(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code, self.document = code, {"message": message, **more}


class State:
    """Kept in a file; ``data`` is plain JSON."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.learn(json.loads(place.read_text()) if place.exists() else _empty())

    def learn(self, data: dict[str, Any]) -> None:
        """This and nothing else."""
        self.data = data
        self._numbers = itertools.count(data["next"])

    def number(self) -> int:
        found = next(self._numbers)
        self.data["next"] = found + 1
        return found

    def save(self) -> None:
        """Whole or not at all, as a database's commit."""
        beside = self.place.with_suffix(".new")
        beside.write_text(json.dumps(self.data))
        beside.replace(self.place)

    def org(self, number: int) -> dict[str, Any]:
        found = self.data["orgs"].get(str(number))
        if found is None:
            raise Wrong(404, "Organization not found")
        return found

    def user(self, number: int) -> dict[str, Any]:
        found = self.data["users"].get(str(number))
        if found is None:
            raise Wrong(404, "user not found")
        return found


def new_org(number: int, name: str) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "folders": {},
        "dashboards": {},
        "sources": {},
        "rules": {},
        "silences": {},
        "teams": {},
        "snapshots": {},
        "members": {"1": "Admin"},
    }


def _empty() -> dict[str, Any]:
    admin = {"id": 1, "login": ADMIN[0], "password": ADMIN[1], "name": "", "email": "admin@localhost"}
    return {
        "next": 100,
        "orgs": {"1": new_org(1, "Main Org.")},
        "users": {"1": {**admin, "isAdmin": True, "isDisabled": False}},
    }
