"""A real OpenID provider, run by node, and a person who signs in there."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from tests.parts import need_npm_packages

CLIENT, SECRET = "plugway", "the-secret-of-the-client"
_PACKAGE = {"private": True, "dependencies": {"oidc-provider": "8", "jose": "5"}}


@dataclass(frozen=True)
class Provider:
    """``issuer`` is its URL."""

    issuer: str
    process: subprocess.Popen[bytes]

    def go_wrong(self, **how: Any) -> None:
        """What its ID tokens say from now on; nothing for what is right."""
        httpx.post(f"{self.issuer}/test", json=how, trust_env=False, timeout=20).raise_for_status()


@contextlib.contextmanager
def oidc_provider(redirect: str, log: Path) -> Iterator[Provider]:
    """Knows ada (staff and plugway-admins), vic (staff), eve (guests), joe (no verified address)."""
    modules = need_npm_packages("oidc-provider", _PACKAGE)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    script = Path(__file__).with_name("provider.mjs")
    command = ["node", str(script), str(port), redirect, str(modules)]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        assert ready.strip() == b"ready", log.read_text()
        yield Provider(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


async def sign_in(person: httpx.AsyncClient, url: str, name: str, until: str) -> str:
    """Follow the provider's pages from ``url`` as ``name``; the address that starts with ``until``."""
    answer = await person.get(url)
    for _ in range(12):
        if answer.is_redirect:
            url = urljoin(str(answer.url), answer.headers["location"])
            if url.startswith(until):
                return url
            answer = await person.get(url)
            continue
        form = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
        assert form, answer.text[:2000]
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', answer.text))
        if 'name="login"' in answer.text:
            fields |= {"login": name, "password": "any"}
        answer = await person.post(urljoin(str(answer.url), unescape(form[1])), data=fields)
    raise AssertionError("the provider never sent the browser back")
