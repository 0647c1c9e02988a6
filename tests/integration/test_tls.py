"""A gateway that speaks TLS to its callers: by files made for development, by files given, with workers."""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
import sys
from pathlib import Path

import httpx
import pytest

from tests.running import RunningGateway, gateway

pytestmark = pytest.mark.timeout(120)

NOTES = "/plugins/notes/api/notes"


def trusting(running: RunningGateway) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(running.home / "tls" / "ca.pem"))


@pytest.mark.parametrize("workers", ["0", "2"], ids=["alone", "workers"])
async def test_made_for_development_it_serves_both_versions_of_http(tmp_path: Path, workers: str) -> None:
    settings = {"PLUGWAY_TLS": "dev", "PLUGWAY_INSTALL": "notes", "PLUGWAY_WORKERS": workers}
    async with gateway(tmp_path / "home", settings=settings) as running:
        assert running.base.startswith("https://")
        assert stat.S_IMODE((running.home).stat().st_mode) == 0o700
        assert stat.S_IMODE((running.home / "tls" / "key.pem").stat().st_mode) == 0o600
        await running.healthy("notes")
        token = running.client.headers["authorization"]
        for http2, version in ((False, "HTTP/1.1"), (True, "HTTP/2")):
            async with httpx.AsyncClient(http2=http2, verify=trusting(running), trust_env=False) as client:
                answer = await client.get(running.base + NOTES, headers={"authorization": token})
                assert (answer.status_code, answer.http_version) == (200, version)
        # A browser is told to send the cookie back by https only.
        signed = await running.client.post("/api/v1/session", json={"token": token.removeprefix("Bearer ")})
        assert "; secure" in signed.headers["set-cookie"].lower()
        with pytest.raises(httpx.RemoteProtocolError):
            async with httpx.AsyncClient(trust_env=False) as plain:
                await plain.get(running.base.replace("https", "http"))
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            async with httpx.AsyncClient(trust_env=False) as stranger:
                await stranger.get(running.base)


async def test_the_command_line_trusts_what_was_made_here(tmp_path: Path) -> None:
    settings = {"PLUGWAY_TLS": "dev", "PLUGWAY_INSTALL": "notes"}
    async with gateway(tmp_path / "home", settings=settings) as running:
        await running.healthy("notes")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PLUGWAY_")}
        port = running.base.rsplit(":", 1)[1]
        environment |= {"PLUGWAY_HOME": str(running.home), "PLUGWAY_TLS": "dev", "PLUGWAY_PORT": port}
        for arguments, words in ((["list"], b"notes"), (["doctor"], b"callers are shown")):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway", *arguments, env=environment,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, complaint = await process.communicate()
            assert process.returncode == 0, complaint.decode()
            assert words in out


async def test_a_certificate_that_is_no_good_ends_the_start_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    (tmp_path / "key.pem").write_text("no key")
    settings = {
        "PLUGWAY_TLS_CERTIFICATE": str(tmp_path / "cert.pem"),
        "PLUGWAY_TLS_KEY": str(tmp_path / "key.pem"),
    }
    with pytest.raises(AssertionError, match="holds no certificate"):
        async with gateway(tmp_path / "home", settings=settings):
            pass
    assert not (tmp_path / "home" / "plugway.db").exists()
