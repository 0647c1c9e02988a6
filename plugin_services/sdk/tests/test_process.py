"""serve() as a process: logs, signals, sockets, TLS."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import signal
import socket
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from plugway_sdk.testing import PluginClient, PluginProcess, plugin_process

PLUGINS = Path(__file__).parent / "plugins"


def running(
    module: str, directory: Path, environment: dict[str, str] | None = None
) -> AbstractAsyncContextManager[PluginProcess]:
    return plugin_process("-m", module, directory=directory, path=[PLUGINS], environment=environment)


async def test_no_secret_is_ever_in_the_log(tmp_path: Path) -> None:
    secrets = ['hunter2-äß\\"x', "wrong-one", "fails-badly", "the-next-one"]
    async with running("chatty", tmp_path) as plugin:
        async with plugin.client() as client:
            for secret in secrets:
                await client.configure({"password": secret})
                with contextlib.suppress(grpc.aio.AioRpcError):
                    for path in ("/say", "/fail", "/forget"):
                        await client.get(path)
            refused = await client.configure({"password": "wrong-one"})
            assert refused.errors[0].message == "****** is wrong"
        assert await plugin.end() == 0
    for secret in secrets:
        for spelling in (secret, repr(secret)[1:-1]):
            assert spelling not in plugin.output
    log = plugin.log()
    messages = [line["message"] for line in log]
    for expected in ("the password is ******", "printed ******", "to stderr ******"):
        assert expected in messages
    assert any("warned of ******" in message for message in messages)
    assert any("failed with ******" in line.get("error", "") for line in log)
    (said,) = {line["logger"] for line in log if line["message"] == "printed ******"}
    assert said == "stdout"
    assert all(line["at"] and line["level"] and line["logger"] for line in log)
    assert any(line.get("request_id", "").startswith("test-") for line in log)


async def test_sigterm_drains_and_ends_with_0(tmp_path: Path) -> None:
    async with running("chatty", tmp_path) as plugin:
        async with plugin.client() as client:
            await client.configure({"password": "hunter2"})
            await client.drain()
        assert await plugin.end() == 0
    assert not (tmp_path / "p.sock").exists()


async def test_sigint_under_a_gateway_is_ignored(tmp_path: Path) -> None:
    async with running("chatty", tmp_path) as plugin, plugin.client() as client:
        plugin.send_signal(signal.SIGINT)
        await client.configure({"password": "hunter2"})
        assert await client.health("under-test") == "SERVING"
        assert await plugin.end() == 0


async def test_without_a_gateway_it_listens_here(tmp_path: Path) -> None:
    alone = {"PLUGWAY_LISTEN": "", "PLUGWAY_INSTANCE": ""}
    async with running("chatty", tmp_path, alone) as plugin:
        plugin.address = f"unix:{tmp_path}/.plugway-sample.sock"
        async with plugin.client() as client:
            assert (await client.describe()).instance_id == ""
        assert await plugin.end(signal.SIGINT) == 0
    assert any(f"unix://{tmp_path}/.plugway-sample.sock" in line["message"] for line in plugin.log())


async def test_a_socket_left_by_a_kill_is_no_hindrance(tmp_path: Path) -> None:
    async with running("chatty", tmp_path) as plugin:
        async with plugin.client():
            pass
        assert await plugin.end(signal.SIGKILL) == -9
    assert (tmp_path / "p.sock").exists()
    async with running("chatty", tmp_path) as again, again.client() as client:
        assert await client.health() == "SERVING"


@pytest.mark.parametrize(
    ("module", "environment", "reason"),
    [
        ("badstart", {}, "the disk is missing"),
        ("chatty", {"PLUGWAY_LISTEN": "http://x"}, "expected unix:/path or tcp:host:port"),
        ("chatty", {"PLUGWAY_LISTEN": "unix:/no/such/directory/p.sock"}, "cannot listen on"),
        (
            "chatty",
            {"PLUGWAY_LISTEN": "tcp:127.0.0.1:0", "PLUGWAY_TLS": "/nowhere"},
            "PLUGWAY_TLS lacks a file",
        ),
    ],
)
async def test_a_start_that_fails_says_why(
    tmp_path: Path, module: str, environment: dict[str, str], reason: str
) -> None:
    async with running(module, tmp_path, environment) as plugin:
        async with asyncio.timeout(20):
            assert await plugin.ended() == 1
    assert reason in plugin.log()[-1]["message"]


async def test_tcp_lets_in_only_clients_of_the_authority(tmp_path: Path) -> None:
    ca, ca_key = _certificate("ca")
    server, server_key = _certificate("sample.1", issuer=(ca, ca_key))
    _write(tmp_path, ca=ca, cert=server, key=server_key)
    stranger_ca, stranger_key = _certificate("stranger")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PLUGWAY_LISTEN": f"tcp:127.0.0.1:{port}", "PLUGWAY_TLS": str(tmp_path)}
    async with running("chatty", tmp_path, environment) as plugin:
        mine = _credentials(ca, *_certificate("gateway", issuer=(ca, ca_key)))
        async with plugin.client(mine, "sample.1") as client:
            assert (await client.describe()).manifest.id == "sample"
        others = _credentials(ca, *_certificate("gateway", issuer=(stranger_ca, stranger_key)))
        nobody = grpc.ssl_channel_credentials(_pem(ca))
        for credentials in (others, nobody):
            options = [("grpc.ssl_target_name_override", "sample.1")]
            async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
                client = PluginClient(channel, user="", role="", base_path="")
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await client.describe()
                assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert await plugin.end() == 0


def _certificate(name: str, issuer: tuple[Any, Any] | None = None) -> tuple[x509.Certificate, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    return certificate, key


def _pem(thing: Any) -> bytes:
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM)
    pem: bytes = thing.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem


def _write(directory: Path, **files: Any) -> None:
    for name, thing in files.items():
        (directory / f"{name}.pem").write_bytes(_pem(thing))


def _credentials(ca: Any, certificate: Any, key: Any) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(_pem(ca), _pem(key), _pem(certificate))
