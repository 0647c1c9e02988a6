"""What an npm registry signed of a version, kept beside the package: it can be shown again without asking.

The signature is of the version's integrity, and that is of the tarball. Whose keys count is another
matter: those of ``PLUGWAY_NPM_KEYS``, or those that the registry itself gave this gateway over TLS. What
came in a bundle brings neither keys nor the time of publishing, as nobody would vouch for them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.digests import canonical_json
from gateway.errors import BadInput
from gateway.sources.base import SourceUnreadable
from gateway.sources.external import archive_of
from gateway.sources.npm_registry import read_integrity
from gateway.sources.npm_signatures import BadRegistrySignature, Key, read_keys, signing_key
from gateway.sources.vouched import Signatures

PROOF = ".npm.json"
"""How the name of a proof ends; it lies beside the package of that name."""


class BadNpmKeys(BadInput):
    """``PLUGWAY_NPM_KEYS`` names no list of keys."""

    key, title = "bad-npm-keys", "The keys of the npm registry cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """``signatures`` (``keyid``, ``sig``) are of ``package@version:integrity``.

    ``published`` (ISO 8601) and ``keys`` (JSON, as the registry gave them) are what the registry told this
    gateway; both are empty where no registry was asked.
    """

    package: str
    version: str
    integrity: str
    signatures: Signatures
    published: str = ""
    keys: str = ""

    @property
    def text(self) -> str:
        return f"{self.package}@{self.version}:{self.integrity}"

    def key(self, keys: tuple[Key, ...]) -> str:
        """The id of the key that signed it; raises :class:`BadRegistrySignature`."""
        return signing_key(self.text, self.signatures, keys, self.published)

    def dump(self) -> bytes:
        return canonical_json(
            {
                "package": self.package,
                "version": self.version,
                "integrity": self.integrity,
                "signatures": [dict(one) for one in self.signatures],
                "published": self.published,
                "keys": self.keys,
            }
        )


def proof_file(directory: Path) -> Path:
    """Where the proof of a plugin's directory lies, if it has one."""
    archive = archive_of(directory)
    return archive.with_name(archive.name + PROOF)


def read_proof(directory: Path) -> Proof | None:
    """The proof that was kept; None where there is none. Blocking; raises :class:`SourceUnreadable`."""
    try:
        said: dict[str, Any] = json.loads(proof_file(directory).read_bytes())
        return Proof(**said | {"signatures": tuple(said["signatures"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SourceUnreadable("What the npm registry signed is damaged here.") from error


def read_key_file(path: Path) -> tuple[Key, ...]:
    """Keys in the form of ``/-/npm/v1/keys``. Blocking; raises :class:`BadNpmKeys`."""
    try:
        keys = read_keys(path.read_bytes())
    except OSError as error:
        why = error.strerror or "it is not there"
        raise BadNpmKeys(f"{path} cannot be read: {why}.", hint="See PLUGWAY_NPM_KEYS.") from error
    except SourceUnreadable:
        keys = ()
    if not keys:
        raise BadNpmKeys(
            f"{path} holds no key that can be used.",
            hint="It takes what the registry gives at /-/npm/v1/keys, byte for byte.",
        )
    return keys


def require_tarball(proof: Proof, tarball: Path) -> None:
    """The file is the one whose integrity was signed. Blocking; raises :class:`BadRegistrySignature`."""
    signed = read_integrity(proof.package, proof.version, proof.integrity)
    try:
        with tarball.open("rb") as file:
            found = hashlib.file_digest(file, "sha512").digest()
    except OSError:
        found = b""
    if found != signed:
        raise BadRegistrySignature(
            f"The tarball of {proof.package} {proof.version} is not the one that its registry signed.",
            hint="Install it again from a place that you trust.",
        )
