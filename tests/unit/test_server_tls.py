"""What a certificate must be to be served with. Keys and certificates are real ones."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import shutil
import ssl
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from gateway.certificates import Key, builder, common_name, key_pem, new_key, pem
from gateway.dev_certificates import dev_certificate, dev_names
from gateway.server_tls import TlsPair, TlsUnusable, find_pair, follow_files, make_context
from gateway.settings import Settings
from tests.running import until


def lay_down(place: Path, *, expired: bool = False, passphrase: bytes = b"") -> TlsPair:
    place.mkdir(parents=True, exist_ok=True)
    key, name = new_key(), common_name("gateway.example")
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = builder(name, name, key, 90).add_extension(names, critical=False)
    if expired:
        made = _expired(name, key)
    (place / "cert.pem").write_bytes(pem(made.sign(key, hashes.SHA256())))
    secret = key_pem(key)
    if passphrase:
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
        secret = key.private_bytes(*form, serialization.BestAvailableEncryption(passphrase))
    (place / "key.pem").write_bytes(secret)
    return TlsPair(place / "cert.pem", place / "key.pem")


def _expired(name: x509.Name, key: Key) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    span = made.not_valid_before(now - datetime.timedelta(days=9)).not_valid_after(
        now - datetime.timedelta(days=1)
    )
    return span.serial_number(1)


def outlived(pair: TlsPair) -> None:
    lay_down(pair.key.parent, expired=True)


def swapped(pair: TlsPair) -> None:
    shutil.copy(lay_down(pair.key.parent / "other").key, pair.key)


def emptied(pair: TlsPair) -> None:
    pair.certificate.write_text("")


def removed(pair: TlsPair) -> None:
    pair.key.unlink()


def locked(pair: TlsPair) -> None:
    lay_down(pair.key.parent, passphrase=b"secret")


def garbled(pair: TlsPair) -> None:
    pair.key.write_text("-----BEGIN PRIVATE KEY-----\nno\n-----END PRIVATE KEY-----\n")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (outlived, "has expired at"),
        (swapped, "the key is not that of the certificate"),
        (emptied, "holds no certificate"),
        (removed, "cannot be read: No such file"),
        (locked, "the key has a passphrase"),
        (garbled, "cannot be served with"),
    ],
    ids=["expired", "key of another", "empty", "removed", "passphrase", "garbled"],
)
def test_what_cannot_be_served_with_is_told(
    tmp_path: Path, spoil: Callable[[TlsPair], None], words: str
) -> None:
    pair = lay_down(tmp_path)
    make_context(pair)
    spoil(pair)
    with pytest.raises(TlsUnusable) as refused:
        make_context(pair)
    assert words in refused.value.detail
    assert refused.value.hint


def test_one_of_two_files_is_not_enough(tmp_path: Path) -> None:
    pair = lay_down(tmp_path)
    for given in ({"tls_certificate": pair.certificate}, {"tls_key": pair.key}):
        with pytest.raises(TlsUnusable, match="Only one"):
            find_pair(Settings.model_validate({"home": tmp_path, **given}))
    assert find_pair(Settings.model_validate({"home": tmp_path})) is None


def test_no_version_before_tls_1_2(tmp_path: Path) -> None:
    assert make_context(lay_down(tmp_path)).minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_certificate_for_development_is_made_once_and_renewed_by_the_same_authority(tmp_path: Path) -> None:
    place = tmp_path / "tls"
    certificate, key = dev_certificate(place, ["localhost", "127.0.0.1", "::1"])
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}
    before, authority = certificate.read_bytes(), (place / "ca.pem").read_bytes()
    dev_certificate(place, ["localhost"])
    assert certificate.read_bytes() == before
    dev_certificate(place, ["localhost", "box.example"])
    again = certificate.read_bytes()
    assert again != before
    assert (place / "ca.pem").read_bytes() == authority
    # Whatever has become of it, a new one is made.
    key.write_text("")
    dev_certificate(place, ["localhost"])
    assert certificate.read_bytes() != again
    make_context(TlsPair(certificate, key))


def test_the_names_are_those_under_which_it_is_called() -> None:
    named = {"public_url": "https://shop.example/x", "allowed_hosts": "a.example, B.example"}
    settings = Settings.model_validate({"host": "0.0.0.0", **named})
    names = dev_names(settings)
    assert {"localhost", "127.0.0.1", "::1", "shop.example", "a.example", "b.example"} <= names
    assert "0.0.0.0" not in names


def shown(context: ssl.SSLContext) -> bytes:
    """The certificate that a client would be shown now, by a handshake in memory."""
    server, client = (ssl.MemoryBIO(), ssl.MemoryBIO()), (ssl.MemoryBIO(), ssl.MemoryBIO())
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    mine = trusting.wrap_bio(*client)
    its = context.wrap_bio(*server, server_side=True)
    for _ in range(4):
        for side, out, other in ((mine, client[1], server[0]), (its, server[1], client[0])):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            other.write(out.read())
    found = mine.getpeercert(binary_form=True)
    assert found is not None
    return ssl.DER_cert_to_PEM_cert(found).encode()


async def test_new_files_are_taken_over_and_bad_ones_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pair = await asyncio.to_thread(lay_down, tmp_path)
    context = await asyncio.to_thread(make_context, pair)
    following = asyncio.create_task(follow_files(context, pair, every=0.02))
    try:
        first = pair.certificate.read_bytes()
        assert shown(context) == first
        await asyncio.to_thread(lay_down, tmp_path)
        second = pair.certificate.read_bytes()
        await until(lambda: shown(context) == second, "the new certificate to be shown")
        pair.certificate.write_text("no certificate")
        await until(lambda: "stays in use" in caplog.text, "the bad one to be told")
        assert shown(context) == second
    finally:
        following.cancel()
