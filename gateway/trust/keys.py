"""Ed25519 keys: made, written to files, read again, and named by what they are.

A private key is PKCS #8 in PEM, a public one SubjectPublicKeyInfo in PEM (as ``openssl pkey`` reads
and writes them) or one line, ``ed25519:BASE64``, as policies hold it. A key's id is the sha256 of
its 32 bytes, so that one key never has two ids.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import BadInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_PREFIX = "ed25519:"
_MATERIAL = 32
_MAX_FILE = 16 * 2**10


class BadKey(BadInput):
    """A key, or the file it should be in, cannot be used."""

    key, title = "bad-key", "The key cannot be used"


class PassphraseNeeded(BadKey):
    """The private key is encrypted, and the passphrase is missing or wrong."""

    key, title = "passphrase-needed", "The key needs its passphrase"


@dataclass(frozen=True, slots=True, order=True)
class PublicKey:
    """An Ed25519 public key; equal where the material is equal."""

    material: bytes

    @property
    def id(self) -> str:
        """64 hexadecimal digits."""
        return hashlib.sha256(self.material).hexdigest()

    @property
    def line(self) -> str:
        return _PREFIX + base64.b64encode(self.material).decode()

    def pem(self) -> str:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = Ed25519PublicKey.from_public_bytes(self.material)
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


class PrivateKey:
    """An Ed25519 private key. Its text form never shows it."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.key = key
        self.public = _public(key.public_key())

    def __repr__(self) -> str:
        return f"PrivateKey(id={self.public.id})"

    def pem(self, passphrase: str = "") -> bytes:
        """PKCS #8; encrypted where there is a passphrase."""
        from cryptography.hazmat.primitives import serialization as form

        lock = form.BestAvailableEncryption(passphrase.encode()) if passphrase else form.NoEncryption()
        return self.key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock)


def generate() -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return PrivateKey(Ed25519PrivateKey.generate())


def parse_public(text: str) -> PublicKey:
    """From PEM or from the one-line form; raises :class:`BadKey`."""
    text = text.strip()
    if text.startswith(_PREFIX):
        try:
            material = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise BadKey("The public key is not base64.", hint=_PUBLIC_HINT) from None
        if len(material) != _MATERIAL:
            raise BadKey("An Ed25519 public key has 32 bytes.", hint=_PUBLIC_HINT)
        return PublicKey(material)
    if "PRIVATE KEY" in text:
        raise BadKey(
            "This is a private key, and only its public half may leave its owner.", hint=_PUBLIC_HINT
        )
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(text.encode(errors="replace"))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey("This is not a public key.", hint=_PUBLIC_HINT) from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey("Only Ed25519 keys are used.", hint=_PUBLIC_HINT)
    return _public(key)


def read_public(path: Path) -> PublicKey:
    """From a public key's file; raises :class:`BadKey`. Blocking."""
    try:
        return parse_public(_read(path).decode())
    except UnicodeDecodeError:
        raise BadKey(f"{path} is not a public key.", hint=_PUBLIC_HINT) from None


def is_encrypted(path: Path) -> bool:
    """Whether a private key's file needs a passphrase; raises :class:`BadKey`. Blocking."""
    return b"BEGIN ENCRYPTED PRIVATE KEY" in _read(path)


def read_private(path: Path, passphrase: str = "") -> PrivateKey:
    """From a private key's file; raises :class:`BadKey`, :class:`PassphraseNeeded`. Blocking."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _read(path)
    encrypted = is_encrypted(path)
    if encrypted and not passphrase:
        raise PassphraseNeeded(f"{path} is encrypted.", hint="Give its passphrase.")
    try:
        key = load_pem_private_key(data, passphrase.encode() if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if encrypted:
            raise PassphraseNeeded(f"{path} does not open with this passphrase.", hint="Try again.") from None
        raise BadKey(f"{path} is not a private key.", hint="Make one: plugway key generate FILE") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} is not an Ed25519 key.", hint="Make one: plugway key generate FILE")
    return PrivateKey(key)


def write_pair(key: PrivateKey, path: Path, passphrase: str = "") -> Path:
    """Write ``path`` (mode 0600) and the public half beside it, whose path is returned.

    Never over a file that is there; raises :class:`BadKey`. Blocking.
    """
    beside = path.with_name(path.name + ".pub")
    if os.path.lexists(beside):
        raise BadKey(f"{beside} exists already.", hint=_NEW_HINT)
    _write(path, key.pem(passphrase), 0o600)
    _write(beside, key.public.pem().encode(), 0o644)
    return beside


def _write(path: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise BadKey(f"{path} exists already.", hint=_NEW_HINT) from None
    except OSError as error:
        raise BadKey(f"{path} cannot be written: {error.strerror}.", hint="Choose another place.") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise BadKey(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    if len(data) > _MAX_FILE:
        raise BadKey(f"{path} is too large to be a key.", hint="Check the path.")
    return data


def _public(key: Ed25519PublicKey) -> PublicKey:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return PublicKey(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


_PUBLIC_HINT = "Give the .pub file that plugway key generate wrote, or 'ed25519:' and base64."
_NEW_HINT = "Keys are never overwritten: choose another name."
