"""Keys: made, kept, read, named."""

from __future__ import annotations

import hashlib
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.trust.envelope import sign_payload, verifying_keys
from gateway.trust.keys import (
    BadKey,
    PassphraseNeeded,
    generate,
    is_encrypted,
    parse_public,
    read_private,
    read_public,
    write_pair,
)


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_a_pair_is_written_and_read(tmp_path: Path, passphrase: str) -> None:
    key, path = generate(), tmp_path / "acme.key"
    public = write_pair(key, path, passphrase)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert is_encrypted(path) == bool(passphrase)
    assert read_public(public) == key.public == read_private(path, passphrase).public
    signed = sign_payload(b"x", [read_private(path, passphrase)])
    assert verifying_keys(signed, [generate().public, key.public]) == (key.public,)


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    write_pair(generate(), path, "right")
    for wrong in ("", "wrong"):
        with pytest.raises(PassphraseNeeded):
            read_private(path, wrong)


def test_no_key_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    write_pair(generate(), path)
    before = path.read_bytes()
    with pytest.raises(BadKey, match="exists already"):
        write_pair(generate(), path)
    (tmp_path / "a.key.pub").unlink()
    with pytest.raises(BadKey, match="exists already"):
        write_pair(generate(), path)
    assert path.read_bytes() == before
    assert not (tmp_path / "a.key.pub").exists()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadKey):
        write_pair(generate(), tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


def test_an_id_is_the_digest_of_the_material() -> None:
    key = generate().public
    assert key.id == hashlib.sha256(key.material).hexdigest()
    assert parse_public(key.line) == parse_public(key.pem()) == key
    assert parse_public(f"  {key.line}\n").id == key.id


def test_a_private_key_never_shows_itself(tmp_path: Path) -> None:
    key = generate()
    secret = key.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    assert secret.hex() not in repr(key)
    assert repr(secret) not in repr(key)
    path = tmp_path / "a.key"
    write_pair(key, path)
    with pytest.raises(BadKey, match="private key") as caught:
        read_public(path)
    assert path.read_text().splitlines()[1] not in str(caught.value.problem())


def test_other_kinds_of_keys(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(BadKey, match="Ed25519"):
        parse_public(pem.decode())
    path = tmp_path / "ec.key"
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(BadKey, match="Ed25519"):
        read_private(path)
    for text in ("", "ed25519:", "ed25519:AAAA", "ed25519:%%%", "rsa:AAAA"):
        with pytest.raises(BadKey):
            parse_public(text)
    path.write_bytes(b"x" * 20_000)
    for read in (read_private, read_public):
        with pytest.raises(BadKey):
            read(path)
        with pytest.raises(BadKey, match="cannot be read"):
            read(tmp_path / "none")


def test_a_key_that_openssl_encrypted_with_scrypt_is_read(tmp_path: Path) -> None:
    """As docs/trust.md proposes, where PBKDF2 is too little."""
    key, plain, path = generate(), tmp_path / "plain", tmp_path / "scrypt"
    write_pair(key, plain)
    words = ["-topk8", "-scrypt", "-in", str(plain), "-out", str(path), "-passout", "pass:correct horse"]
    subprocess.run(["openssl", "pkcs8", *words], check=True, timeout=20)
    assert is_encrypted(path)
    assert read_private(path, "correct horse").public == key.public


def test_keys_of_openssl_are_read() -> None:
    raw = ed25519.Ed25519PrivateKey.generate().public_key()
    pem = raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert parse_public(pem).material == raw.public_bytes(Encoding.Raw, PublicFormat.Raw)
