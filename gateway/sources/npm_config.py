"""Which npm registry serves a package, and with which token: npm's own settings file, read by its rules."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import BadInput

_VARIABLE = re.compile(r"(?<!\\)\$\{([^}]+)\}")
_TOKEN = ":_authToken"  # noqa: S105 - the name of a key
_SCOPE = ":registry"
_MAX_BYTES = 2**20


class NoNpmRegistry(BadInput):
    """The operator named no registry for this package."""

    key, title = "no-npm-registry", "No npm registry is set"


class BadNpmConfig(BadInput):
    """The file that ``npm_config`` names cannot be used."""

    key, title = "bad-npm-config", "The npm settings cannot be used"


@dataclass(frozen=True, slots=True)
class NpmConfig:
    """``registry`` for all, ``scopes`` for some; ``tokens`` by the address that they are bound to."""

    registry: str = ""
    scopes: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)

    def registry_of(self, package: str) -> str:
        """The registry's URL, with a closing slash; raises :class:`NoNpmRegistry`."""
        scope = package.partition("/")[0] if package.startswith("@") else ""
        url = self.scopes.get(scope) or self.registry
        if not url:
            raise NoNpmRegistry(
                f"No npm registry is set for {package}.",
                hint="Set PLUGWAY_NPM_REGISTRY to its URL, or PLUGWAY_NPM_CONFIG to an .npmrc file.",
            )
        return url.rstrip("/") + "/"

    def credentials(self, url: str) -> dict[str, str]:
        """The header that this address needs: the token of the longest address that it lies under."""
        parts = urlsplit(url)
        place = f"//{parts.netloc}{parts.path}"
        fitting = [bound for bound in self.tokens if place.startswith(bound)]
        return {"Authorization": f"Bearer {self.tokens[max(fitting, key=len)]}"} if fitting else {}


def read_npm_config(path: Path | None, registry: str = "") -> NpmConfig:
    """Read an ``.npmrc``; ``registry`` goes before the file's. Blocking; raises :class:`BadNpmConfig`."""
    if path is None:
        return NpmConfig(registry=registry)
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadNpmConfig(f"{path} cannot be read: {why}.", hint="Correct PLUGWAY_NPM_CONFIG.") from None
    values = dict(_lines(text))
    return NpmConfig(
        registry=registry or values.get("registry", ""),
        scopes={key[: -len(_SCOPE)]: url for key, url in values.items() if _is_scope(key)},
        tokens={
            key[: -len(_TOKEN)].rstrip("/") + "/": token
            for key, token in values.items()
            if key.startswith("//") and key.endswith(_TOKEN) and token
        },
    )


def _is_scope(key: str) -> bool:
    return key.startswith("@") and key.endswith(_SCOPE)


def _lines(text: str) -> list[tuple[str, str]]:
    pairs = []
    for line in text.splitlines():
        key, mark, value = line.strip().partition("=")
        if mark and key[0] not in "#;":
            pairs.append((key.strip(), _filled(value.strip().strip("\"'"))))
    return pairs


def _filled(value: str) -> str:
    """``${NAME}`` is the environment's value, as in npm; one that is not set stays as it is written."""
    return _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), value)
