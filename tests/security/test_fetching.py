"""What a stranger's URL can be made to do to the gateway: nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from gateway.sources.addresses import AllowList, BadAllowList, is_public, read_allow_list
from gateway.sources.fetch import Fetcher, FetchFailed, FetchRefused, FetchTooLarge
from tests.fakes.addresses import PRIVATE, PUBLIC
from tests.fakes.authority import Authority
from tests.fakes.serving import serving
from tests.fakes.web import Page, Web


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_of_the_internet(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_of_the_internet(text: str) -> None:
    assert is_public(ip_address(text))


class Names:
    """A resolver that answers as it is told, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def fetcher(allow: str = "", *, timeout: float = 5.0, max_bytes: int = 2**20, **options: object) -> Fetcher:
    return Fetcher(read_allow_list(allow), timeout=timeout, max_bytes=max_bytes, **options)  # type: ignore[arg-type]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


@pytest.fixture
async def web() -> AsyncIterator[tuple[Web, str]]:
    server = Web({"/x": Page(b"secret of this network")})
    async with serving(server) as base:
        yield server, base


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_inside_is_refused(target: Path, address: str) -> None:
    with pytest.raises(FetchRefused, match="no address of the internet"):
        await fetcher(resolve=Names([address])).file("https://packages.example/x", target)
    assert not target.exists()


async def test_one_bad_address_among_good_ones_is_enough(target: Path) -> None:
    with pytest.raises(FetchRefused, match=r"10\.0\.0\.1"):
        await fetcher(resolve=Names(["8.8.8.8", "10.0.0.1"])).file("https://packages.example/x", target)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "[::1]",
        "[::ffff:7f00:1]",
        "localhost",
    ],
)
async def test_every_spelling_of_this_machine_is_refused(
    target: Path, web: tuple[Web, str], host: str
) -> None:
    port = web[1].rpartition(":")[2]
    for scheme in ("https", "http"):
        with pytest.raises((FetchRefused, FetchFailed)) as caught:
            await fetcher().file(f"{scheme}://{host}:{port}/x", target)
        # The system may not know a spelling; where it does, it is the rule that refuses.
        assert isinstance(caught.value, FetchRefused) or "is not known" in caught.value.detail
    assert web[0].asked == []


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://a.example/x", "gopher://a.example/", "data:text/plain,x", "//a.example/x",
     "https://", "https:///x", "javascript:1", "x", "", "https://a b.example/", "https://a.example\\@b.example/",
     "https://a.example/\r\nX: y", "https://[fe80::1%25eth0]/", "https://a.example:99999/"],
)  # fmt: skip
async def test_what_is_no_address_of_a_web_server(target: Path, url: str) -> None:
    with pytest.raises(FetchRefused):
        await fetcher(resolve=Names(["8.8.8.8"])).file(url, target)


async def test_a_password_in_an_address_is_refused_and_not_repeated(target: Path) -> None:
    with pytest.raises(FetchRefused) as caught:
        await fetcher(resolve=Names(["8.8.8.8"])).file("https://ann:hunter2@a.example/", target)
    assert "hunter2" not in str(caught.value.problem())


async def test_the_connection_goes_to_the_address_that_was_judged(target: Path, tmp_path: Path) -> None:
    """DNS rebinding: whatever the name says later, it is asked once, and the answer is what is called."""
    authority = Authority(tmp_path, "cdn")
    certificate, key = authority.issue("packages.example")
    web = Web({"/x": Page(b"content")})
    async with serving(web, tls=(Path(certificate), Path(key))) as base:
        port = base.rpartition(":")[2]
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        fetched = await fetcher("packages.example", resolve=names, ca_file=Path(authority.path)).file(
            f"https://packages.example:{port}/x", target
        )
    assert names.asked == ["packages.example"]
    assert fetched.size == 7
    # Name and certificate are those of the name, though the call went to the address.
    assert web.asked[0][1]["host"] == f"packages.example:{port}"


@pytest.mark.parametrize(
    "location",
    ["http://10.0.0.1/x", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "ftp://b.example/x",
     "https://inside.example/x", "//inside.example/x", "http://[::1]/x"],
)  # fmt: skip
async def test_every_redirect_is_judged_anew(target: Path, web: tuple[Web, str], location: str) -> None:
    server, base = web
    server.pages["/x"] = Page(status=302, headers={"location": location})

    async def names(host: str, port: int) -> Sequence[str]:
        return [{"inside.example": "192.168.0.1"}.get(host, host)]

    with pytest.raises(FetchRefused):
        await fetcher("127.0.0.1", resolve=names).file(f"{base}/x", target)
    assert server.paths() == ["/x"]


async def test_redirects_end(target: Path, web: tuple[Web, str]) -> None:
    server, base = web
    server.pages["/x"] = Page(status=302, headers={"location": "/x"})
    with pytest.raises(FetchRefused, match="redirects"):
        await fetcher("127.0.0.1").file(f"{base}/x", target)
    assert len(server.asked) == 6
    server.pages["/x"] = Page(status=302)
    with pytest.raises(FetchFailed, match="nowhere"):
        await fetcher("127.0.0.1").file(f"{base}/x", target)


async def test_credentials_stay_with_the_host_they_are_for(target: Path, web: tuple[Web, str]) -> None:
    server, base = web
    async with serving(server) as other:
        server.pages["/x"] = Page(status=302, headers={"location": f"{other}/y"})
        server.pages["/y"] = Page(b"there")
        await fetcher("127.0.0.1").file(f"{base}/x", target, credentials={"Authorization": "Bearer s3cret"})
    assert [headers.get("authorization") for _, headers in server.asked] == ["Bearer s3cret", None]


async def test_plain_http_is_for_listed_hosts_alone(target: Path) -> None:
    with pytest.raises(FetchRefused, match="plain HTTP"):
        await fetcher(resolve=Names(["8.8.8.8"])).file("http://packages.example/x", target)


async def test_a_body_without_end_is_cut_at_the_limit(target: Path, web: tuple[Web, str]) -> None:
    server, base = web

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65536)
            await asyncio.sleep(0)

    server.pages["/x"] = Page(endless)
    with pytest.raises(FetchTooLarge):
        await fetcher("127.0.0.1").file(f"{base}/x", target)
    with pytest.raises(FetchTooLarge):
        await fetcher("127.0.0.1").document(f"{base}/x", limit=1000)
    assert not target.exists()


async def test_a_length_that_is_too_much_is_not_waited_for(target: Path, web: tuple[Web, str]) -> None:
    server, base = web

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(30)

    server.pages["/x"] = Page(slow, headers={"content-length": str(2**40)})
    with pytest.raises(FetchTooLarge):
        await asyncio.wait_for(fetcher("127.0.0.1", timeout=20).file(f"{base}/x", target), 10)


async def test_a_slow_body_ends_at_the_deadline_however_it_drips(target: Path, web: tuple[Web, str]) -> None:
    server, base = web

    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.05)

    server.pages["/x"] = Page(dripping)
    with pytest.raises(FetchFailed, match=r"within 0\.5 s"):
        await asyncio.wait_for(fetcher("127.0.0.1", timeout=0.5).file(f"{base}/x", target), 10)
    assert not target.exists()


async def test_a_server_that_takes_the_connection_and_says_nothing(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(FetchFailed, match=r"within 0\.3 s"):
            await fetcher("127.0.0.1", timeout=0.3).file(url, target)


async def test_a_body_that_breaks_off_is_no_file(target: Path, web: tuple[Web, str]) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FetchFailed):
            await fetcher("127.0.0.1").file(f"http://127.0.0.1:{port}/x", target)
    assert not target.exists()


async def test_compressed_bodies_are_refused(target: Path, web: tuple[Web, str]) -> None:
    web[0].pages["/x"] = Page(b"\x1f\x8b", headers={"content-encoding": "gzip"})
    with pytest.raises(FetchRefused, match="compressed"):
        await fetcher("127.0.0.1").file(f"{web[1]}/x", target)
    assert web[0].asked[0][1]["accept-encoding"] == "identity"


async def test_nothing_is_taken_from_the_environment(
    target: Path, web: tuple[Web, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    await fetcher("127.0.0.1").file(f"{web[1]}/x", target)
    assert target.read_bytes() == b"secret of this network"


async def test_an_error_is_told_without_the_query(target: Path, web: tuple[Web, str]) -> None:
    with pytest.raises(FetchFailed) as caught:
        await fetcher("127.0.0.1").file(f"{web[1]}/nothing?token=s3cret", target)
    assert "404" in caught.value.detail
    assert "s3cret" not in str(caught.value.problem())


@pytest.mark.parametrize(
    ("text", "host", "address"),
    [
        ("Packages.Example.", "packages.example", ""),
        ("10.1.0.0/16", "", "10.1.2.3"),
        ("[fd00::]/8", "", "fd00::1"),
    ],
)
def test_the_list_holds_hosts_and_ranges(text: str, host: str, address: str) -> None:
    allowed = read_allow_list(f"other.example, {text}")
    assert not host or allowed.host(host)
    assert not address or allowed.address(address)
    assert not allowed.host("evil.example")
    assert not allowed.address("10.2.0.1")
    assert AllowList() == read_allow_list("")


@pytest.mark.parametrize("text", ["https://a.example", "a.example:80", "10.0.0.0/99", "a b"])
def test_what_the_list_cannot_hold(text: str) -> None:
    with pytest.raises(BadAllowList):
        read_allow_list(text)
