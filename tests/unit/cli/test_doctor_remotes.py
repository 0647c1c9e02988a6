"""What ``plugway doctor`` finds in the directory of remote servers. Keys and certificates are real ones."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.cli.doctor_remotes import remote_checks

HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])


def lay_down(place: Path, *, begins: datetime.timedelta = -DAY, ends: datetime.timedelta = 90 * DAY) -> Path:
    """A server's directory that is as it should be, but for when its certificates hold."""
    place.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    for name in ("ca.pem", "cert.pem"):
        (place / name).write_bytes(pem)
    plain = serialization.NoEncryption()
    (place / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    (place / "key.pem").chmod(0o600)
    return place


def found(home: Path) -> list[str]:
    """What is told of the only server; "" where all is well."""
    checks = list(remote_checks(home))
    assert all(bool(check.hint) is not check.ok for check in checks)
    return ["" if check.ok else check.detail for check in checks]


def test_a_home_without_remotes_has_nothing_to_look_at(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize("name", ["plugins.example:7443", "127.0.0.1:1", "[::1]:65535"])
def test_what_is_as_it_should_be(tmp_path: Path, name: str) -> None:
    place = lay_down(tmp_path / "remotes" / name)
    (check,) = remote_checks(tmp_path)
    assert (check.name, check.ok) == (f"remote {name}", True)
    assert check.detail == "knows the server by ca.pem, shows cert.pem"
    (place / "ca.pem").unlink()
    assert [each.detail for each in remote_checks(tmp_path)] == [
        "knows the server by the system's authorities, shows cert.pem"
    ]


@pytest.mark.parametrize("name", ["plugins.example", "plugins.example:0", "a:65536", "::1:7443", "a b:1"])
def test_a_directory_of_another_name_is_looked_for_by_nobody(tmp_path: Path, name: str) -> None:
    lay_down(tmp_path / "remotes" / name)
    (told,) = found(tmp_path)
    assert told.endswith("is no directory named HOST:PORT.")


def test_a_file_in_place_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "remotes").mkdir()
    (tmp_path / "remotes" / "a:1").write_text("x")
    assert "is no directory" in found(tmp_path)[0]
    shutil.rmtree(tmp_path / "remotes")
    (tmp_path / "remotes").write_text("x")
    assert "cannot be read: Not a directory." in found(tmp_path)[0]


def _unreadable(place: Path) -> None:
    (place / "ca.pem").unlink()
    (place / "ca.pem").mkdir()


def _empty(place: Path) -> None:
    for path in place.iterdir():
        path.unlink()


def _other_key(place: Path) -> None:
    other = lay_down(place.parent.parent / "other")
    shutil.copy(other / "key.pem", place / "key.pem")


def _locked(place: Path) -> None:
    key = serialization.load_pem_private_key((place / "key.pem").read_bytes(), None)
    closed = serialization.BestAvailableEncryption(b"secret")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (place / "key.pem").write_bytes(key.private_bytes(*form, closed))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(_empty, "has neither ca.pem nor cert.pem and key.pem", id="empty"),
        pytest.param(lambda place: (place / "key.pem").unlink(), "cert.pem without key.pem", id="no-key"),
        pytest.param(lambda place: (place / "cert.pem").unlink(), "key.pem without cert.pem", id="no-cert"),
        pytest.param(_unreadable, "ca.pem cannot be read", id="unreadable"),
        pytest.param(lambda place: (place / "key.pem").chmod(0o640), "Others can read", id="open-key"),
        pytest.param(
            lambda place: (place / "ca.pem").write_text("x"), "ca.pem holds no certificate", id="garbage"
        ),
        pytest.param(_other_key, "key.pem is not the key of cert.pem", id="other-key"),
        pytest.param(
            lambda place: (place / "key.pem").write_text("x"), "key.pem holds no key", id="garbage-key"
        ),
        pytest.param(_locked, "key.pem holds no key", id="passphrase"),
    ],
)
def test_what_would_fail_is_told(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(lay_down(tmp_path / "remotes" / "a:1"))
    (told,) = found(tmp_path)
    assert words in told


@pytest.mark.parametrize(
    ("begins", "ends", "words"),
    [
        pytest.param(-9 * DAY, -HOUR, "has expired at", id="expired"),
        pytest.param(-9 * DAY, 13 * DAY, "expires soon: at", id="soon"),
        pytest.param(HOUR, 90 * DAY, "holds only from", id="not-yet"),
        pytest.param(-9 * DAY, 15 * DAY, "", id="holds"),
    ],
)
def test_times_of_both_certificates(
    tmp_path: Path, begins: datetime.timedelta, ends: datetime.timedelta, words: str
) -> None:
    place = lay_down(tmp_path / "remotes" / "a:1", begins=begins, ends=ends)
    told = found(tmp_path)
    assert len(told) == (2 if words else 1)
    for name, line in zip(("ca.pem", "cert.pem"), told if words else (), strict=False):
        assert line.startswith(f"{place / name} {words}")
