"""The registry client against a registry that does what a real one does not: tokens, redirects, lies."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.errors import PlugwayError
from gateway.model import Login
from gateway.sources.addresses import read_allow_list
from gateway.sources.base import SourceUnreadable
from gateway.sources.fetch import Fetcher, FetchFailed, FetchRefused
from gateway.sources.oci_auth import LoginRefused, read_challenge
from gateway.sources.oci_documents import (
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    NotAsNamed,
    UnfitImage,
    choose,
    digest_of,
    read_document,
)
from gateway.sources.oci_reference import parse_reference
from gateway.sources.oci_registry import Registries, Registry
from gateway.sources.oci_signatures import ARTIFACT, ENVELOPE, envelopes
from tests.fakes.serving import serving

MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []}).encode()
DIGEST = digest_of(MANIFEST)
LOGIN = Login(username="reader", password="p:w")
Handler = Callable[[Request], Response]


@dataclass
class Fake:
    """Answers ``/v2/...`` by ``answer``, and gives tokens at ``/token``; ``seen`` are the requests."""

    answer: Handler
    token: Handler = lambda request: JSONResponse({"token": "good"})
    seen: list[tuple[str, str]] = field(default_factory=list)

    def app(self) -> Starlette:
        def ask(handler: Handler) -> Callable[[Request], Any]:
            async def endpoint(request: Request) -> Response:
                self.seen.append((str(request.url.path), request.headers.get("authorization", "")))
                return handler(request)

            return endpoint

        methods = ["GET", "HEAD", "POST", "PUT"]
        return Starlette(
            routes=[
                Route("/v2/", lambda request: Response()),
                Route("/token", ask(self.token)),
                Route("/{path:path}", ask(self.answer), methods=methods),
            ]
        )


@asynccontextmanager
async def opened(fake: Fake, login: Login | None = LOGIN) -> AsyncIterator[Registry]:
    async with serving(fake.app()) as url:
        host = url.removeprefix("http://")
        fetcher = Fetcher(read_allow_list("127.0.0.0/8"), timeout=5, max_bytes=2**20)
        registries = Registries(fetcher, lambda name: login, timeout=5, plain=frozenset({host}))
        async with registries.open(parse_reference(f"oci://{host}/team/notes")) as registry:
            yield registry


def manifest(_: Request) -> Response:
    return Response(MANIFEST, media_type=OCI_MANIFEST, headers={"Docker-Content-Digest": DIGEST})


def wants_token(request: Request) -> Response:
    if request.headers.get("authorization") == "Bearer good":
        return manifest(request)
    challenge = f'Bearer realm="{request.base_url}token",service="the registry",scope="repository:other:*"'
    return Response(status_code=401, headers={"WWW-Authenticate": challenge})


async def test_a_token_is_fetched_once_for_this_repository_only() -> None:
    asked: list[dict[str, str]] = []

    def token(request: Request) -> Response:
        asked.append(dict(request.query_params))
        return JSONResponse({"access_token": "good"})

    fake = Fake(wants_token, token)
    async with opened(fake) as registry:
        assert (await registry.document("1.0.0")).digest == DIGEST
        await registry.document(DIGEST)
    assert asked == [{"scope": "repository:team/notes:pull", "service": "the registry"}]
    basic = "Basic " + base64.b64encode(b"reader:p:w").decode()
    assert [seen for path, seen in fake.seen if path == "/token"] == [basic]
    assert [seen for path, seen in fake.seen if path != "/token"] == ["", "Bearer good", "Bearer good"]


async def test_a_public_image_needs_a_token_but_no_login() -> None:
    fake = Fake(wants_token)
    async with opened(fake, login=None) as registry:
        await registry.document("1.0.0")
    assert ("/token", "") in fake.seen


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (lambda request: Response(status_code=401), LoginRefused),
        (lambda request: JSONResponse({"token": "expired"}), LoginRefused),
        (lambda request: Response(status_code=500), SourceUnreadable),
        (lambda request: Response(b"no json"), SourceUnreadable),
        (lambda request: JSONResponse([1]), SourceUnreadable),
        (lambda request: JSONResponse({"token": "a\r\nX: b"}), SourceUnreadable),
    ],
)
async def test_a_token_that_is_not_given_or_not_good_ends_in_words(
    token: Handler, why: type[PlugwayError]
) -> None:
    async with opened(Fake(wants_token, token)) as registry:
        with pytest.raises(why) as caught:
            await registry.document("1.0.0")
    assert "p:w" not in f"{caught.value.problem()}"


async def test_a_token_service_inside_the_network_is_not_called() -> None:
    def lured(request: Request) -> Response:
        challenge = 'Bearer realm="http://169.254.169.254/latest",service="x"'
        return Response(status_code=401, headers={"WWW-Authenticate": challenge})

    async with opened(Fake(lured)) as registry:
        with pytest.raises(FetchRefused, match=r"169\.254\.169\.254"):
            await registry.document("1.0.0")


async def test_a_blob_elsewhere_is_fetched_without_the_login_and_its_challenge_is_not_answered() -> None:
    blob = b"a configuration"
    storage = Fake(lambda request: Response(blob))
    closed = Fake(lambda request: Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
    async with serving(storage.app()) as there, serving(closed.app()) as shut:
        targets = {digest_of(blob): f"{there}/stored", DIGEST: f"{shut}/stored"}

        def answer(request: Request) -> Response:
            if not request.headers.get("authorization"):
                return Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            return RedirectResponse(targets[request.url.path.rpartition("/")[2]])

        async with opened(Fake(answer)) as registry:
            found = await registry.blob(Descriptor("x", digest_of(blob), len(blob)))
            with pytest.raises(LoginRefused):
                await registry.blob(Descriptor("x", DIGEST, len(MANIFEST)))
    assert found == blob
    assert storage.seen == [("/stored", "")]
    assert closed.seen == [("/stored", "")]


@pytest.mark.parametrize(
    ("body", "headers", "which", "why"),
    [
        (MANIFEST + b" ", {}, DIGEST, NotAsNamed),
        (MANIFEST + b" ", {"Docker-Content-Digest": DIGEST}, "1.0.0", NotAsNamed),
        (b"{", {}, "1.0.0", UnfitImage),
        (b'{"layers": [], "layers": []}', {}, "1.0.0", UnfitImage),
        (b'{"layers": [], "manifests": []}', {}, "1.0.0", NotAsNamed),
        (json.dumps({"mediaType": OCI_INDEX, "manifests": []}).encode(), {}, "1.0.0", UnfitImage),
    ],
)
async def test_a_manifest_that_lies_is_refused(
    body: bytes, headers: dict[str, str], which: str, why: type[PlugwayError]
) -> None:
    fake = Fake(lambda request: Response(body, media_type=OCI_MANIFEST, headers=headers))
    async with opened(fake) as registry:
        with pytest.raises(why):
            await registry.document(which)


async def test_a_blob_that_is_longer_or_other_than_said_is_refused() -> None:
    async with opened(Fake(lambda request: Response(b"x" * 10))) as registry:
        for size in (9, 10, 2**40):
            with pytest.raises(NotAsNamed):
                await registry.blob(Descriptor("x", DIGEST, size))


async def test_endless_answers_and_redirects_are_cut() -> None:
    async with opened(
        Fake(lambda request: Response(b"x" * (5 * 2**20), media_type=OCI_MANIFEST))
    ) as registry:
        with pytest.raises(PlugwayError, match="larger than"):
            await registry.document("1.0.0")
    async with opened(Fake(lambda request: RedirectResponse(request.url))) as registry:
        with pytest.raises(FetchRefused, match="redirects"):
            await registry.document("1.0.0")


async def test_a_registry_that_says_nothing_is_waited_for_only_so_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        host = f"127.0.0.1:{mute.getsockname()[1]}"
        fetcher = Fetcher(read_allow_list("127.0.0.1"), timeout=0.3, max_bytes=2**20)
        registries = Registries(fetcher, lambda name: None, timeout=0.3, plain=frozenset({host}))
        async with registries.open(parse_reference(f"oci://{host}/notes")) as registry:
            with pytest.raises((FetchFailed, SourceUnreadable)):
                await asyncio.wait_for(registry.document("1.0.0"), 5)


async def test_uploads_to_another_host_are_not_made() -> None:
    async with opened(Fake(manifest)) as registry:
        assert registry.absolute("/v2/x/uploads/1?a=b").endswith("/v2/x/uploads/1?a=b")
        with pytest.raises(SourceUnreadable):
            registry.absolute("http://elsewhere.example/upload")


async def test_a_registry_with_the_referrers_api_is_asked_there() -> None:
    envelope = b"{}"
    artifact = json.dumps(
        {
            "mediaType": OCI_MANIFEST,
            "artifactType": ARTIFACT,
            "layers": [{"mediaType": ENVELOPE, "digest": digest_of(envelope), "size": len(envelope)}],
            "subject": {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": len(MANIFEST)},
        }
    ).encode()
    listed = {"mediaType": OCI_MANIFEST, "digest": digest_of(artifact), "size": len(artifact)}
    others = [{**listed, "artifactType": "application/spdx+json", "digest": "sha256:" + "0" * 64}]

    def answer(request: Request) -> Response:
        path = request.url.path
        if path.endswith(f"/referrers/{DIGEST}"):
            index = {"mediaType": OCI_INDEX, "manifests": [*others, {**listed, "artifactType": ARTIFACT}]}
            return JSONResponse(index, media_type=OCI_INDEX)
        if path.endswith(f"/manifests/{digest_of(artifact)}"):
            return Response(artifact, media_type=OCI_MANIFEST)
        return (
            Response(envelope)
            if path.endswith(f"/blobs/{digest_of(envelope)}")
            else Response(status_code=404)
        )

    async with opened(Fake(answer)) as registry:
        assert await envelopes(registry, DIGEST) == (envelope,)
        assert await envelopes(registry, "sha256:" + "1" * 64) == ()


def test_challenges_are_read_and_unknown_ones_say_nothing() -> None:
    assert read_challenge('Bearer realm="https://a/t", service=b') == (
        "bearer",
        {"realm": "https://a/t", "service": "b"},
    )
    assert read_challenge("basic realm=x") == ("basic", {"realm": "x"})
    assert read_challenge("Negotiate") == ("", {})
    assert read_challenge("") == ("", {})


@pytest.mark.parametrize("content", [{}, {"manifests": 1}, {"manifests": [{"digest": "sha256:1"}]}])
def test_an_index_without_a_list_of_descriptors_is_refused(content: dict[str, Any]) -> None:
    data = json.dumps(content).encode()
    document = read_document(data, content_type=OCI_INDEX, wanted="", announced="")
    with pytest.raises(UnfitImage):
        choose(document.manifests, "linux/amd64")
