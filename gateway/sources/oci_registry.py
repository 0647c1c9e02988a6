"""A small client of the OCI distribution API: reads what it is asked for, and hashes all of it itself.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin

from gateway.model import DIGEST, FindLogin
from gateway.settings import Settings
from gateway.sources.addresses import read_allow_list
from gateway.sources.base import NotInCatalog, SourceUnreadable
from gateway.sources.fetch import Fetcher
from gateway.sources.oci_auth import Authorizer
from gateway.sources.oci_documents import (
    ACCEPTED,
    MAX_DOCUMENT,
    Descriptor,
    Document,
    NotAsNamed,
    digest_of,
    read_document,
    read_json,
)
from gateway.sources.oci_http import Answer, RegistryHttp, Roots, origin
from gateway.sources.oci_reference import Reference

# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
_MAX_PAGES = 50


class Registry:
    """One repository of one registry, for one conversation; made by :class:`Registries`."""

    def __init__(self, http: RegistryHttp, base: str, reference: Reference, authorizer: Authorizer) -> None:
        self._http = http
        self._base = f"{base}/v2/{reference.repository}"
        self._reference = reference
        self._authorizer = authorizer

    async def document(self, which: str) -> Document:
        """The manifest or index under a tag or digest.

        Raises :class:`NotInCatalog`, :class:`NotAsNamed`, ``UnfitImage`` and what :meth:`send` raises.
        """
        found = await self.find(which)
        if found is None:
            raise NotInCatalog(
                f"{self._reference.host} has no {self._shown(which)}.",
                hint="Check the image's name and tag; a private image needs a login: plugway registry login.",
            )
        return found

    async def find(self, which: str) -> Document | None:
        """As :meth:`document`, but None where there is none."""
        answer = await self.send("GET", f"/manifests/{which}", headers={"Accept": ACCEPTED})
        if answer.status == 404:
            return None
        self._expect(answer, 200)
        return read_document(
            answer.body,
            content_type=answer.headers.get("content-type", ""),
            wanted=which if DIGEST.fullmatch(which) else "",
            announced=_announced(answer),
        )

    async def blob(self, descriptor: Descriptor) -> bytes:
        """The bytes that a descriptor names; raises :class:`NotAsNamed` where they are others."""
        if descriptor.size > MAX_DOCUMENT:
            raise NotAsNamed(f"{descriptor.digest} is said to have {descriptor.size} bytes: too many.")
        answer = await self.send("GET", f"/blobs/{descriptor.digest}", limit=descriptor.size)
        self._expect(answer, 200)
        if len(answer.body) != descriptor.size or digest_of(answer.body) != descriptor.digest:
            raise NotAsNamed(
                f"The registry sent other bytes than {descriptor.digest} names.",
                hint="Do not use this registry until its owner has found out why.",
            )
        return answer.body

    async def save(self, descriptor: Descriptor, target: Path) -> None:
        """As :meth:`blob`, into a file, which must not exist; of any size, and in little memory."""
        answer = await self.send("GET", f"/blobs/{descriptor.digest}", limit=descriptor.size, target=target)
        self._expect(answer, 200)
        if await asyncio.to_thread(_size_and_digest, target) != (descriptor.size, descriptor.digest):
            raise NotAsNamed(
                f"The registry sent other bytes than {descriptor.digest} names.",
                hint="Do not use this registry until its owner has found out why.",
            )

    async def tags(self, page: int = 1000) -> tuple[str, ...]:
        """All tags of the repository, ``page`` at a time; none where the registry does not tell."""
        found: list[str] = []
        place = f"/tags/list?n={page}"
        for _ in range(_MAX_PAGES):
            answer = await self.send("GET", place)
            if answer.status in (404, 405, 501):
                return ()
            self._expect(answer, 200)
            listed = read_json(answer.body).get("tags") or []
            found += [tag for tag in listed if isinstance(tag, str)] if isinstance(listed, list) else []
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                break
            place = self.absolute(following[1])
        return tuple(found)

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        limit: int = MAX_DOCUMENT,
        target: Path | None = None,
    ) -> Answer:
        """Any answer but one that wants a login. ``path`` follows the repository, or is of :meth:`absolute`.

        Raises ``LoginRefused``, ``SourceUnreadable`` and the errors of ``RegistryHttp.send``.
        """
        url = path if "://" in path else f"{self._base}{path}"
        for _ in range(2):
            answer = await self._http.send(
                method,
                url,
                headers=headers,
                content=content,
                authorization=self._authorizer.header,
                # An error's text may be longer than what was asked for.
                limit=max(limit, 64 * 2**10),
                target=target,
            )
            if answer.status != 401 or not await self._authorizer.answer(answer, url):
                break
        if answer.status in (401, 403):
            raise self._authorizer.refusal(answer.status)
        return answer

    def absolute(self, location: str) -> str:
        """A ``Location`` of the registry's own; raises :class:`SourceUnreadable` for one elsewhere.

        The login goes along with what is sent there.
        """
        url = urljoin(f"{self._base}/", location)
        if origin(url) != origin(self._base):
            raise SourceUnreadable(
                f"{self._reference.host} leads to another host, where its login must not go."
            )
        return url

    def _expect(self, answer: Answer, *wanted: int) -> None:
        if answer.status not in wanted:
            again = "Try again later." if answer.status >= 429 else "Check the image's name."
            raise SourceUnreadable(f"{self._reference.host} answers {answer.status}.", hint=again)

    def _shown(self, which: str) -> str:
        return f"{self._reference.repository}{'@' if DIGEST.fullmatch(which) else ':'}{which}"


class Registries:
    """Opens conversations. ``plain`` are hosts that are spoken to without TLS.

    Loopback needs no mention there: TLS is tried first, as engines do. ``timeout`` is for one
    request, in seconds. ``served_at`` maps names in references to the hosts that serve them.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        find_login: FindLogin,
        *,
        timeout: float,
        plain: frozenset[str] = frozenset(),
        served_at: Mapping[str, str] | None = None,
    ) -> None:
        self.fetcher = fetcher
        self._find_login = find_login
        self._timeout = timeout
        self._plain = plain
        self._served_at = served_at or {}
        self._roots = Roots(fetcher.ca_file)
        self._bases: dict[str, str] = {}

    @asynccontextmanager
    async def open(self, reference: Reference, *, actions: str = "pull") -> AsyncIterator[Registry]:
        login = await asyncio.to_thread(self._find_login, reference.host)
        async with RegistryHttp(self.fetcher, self._roots, timeout=self._timeout) as http:
            authorizer = Authorizer(
                http, host=reference.host, repository=reference.repository, actions=actions, login=login
            )
            try:
                yield Registry(http, await self._base(http, reference.host), reference, authorizer)
            except SourceUnreadable:
                self._bases.pop(reference.host, None)
                raise

    async def _base(self, http: RegistryHttp, host: str) -> str:
        if host not in self._bases:
            self._bases[host] = await self._find_base(http, host)
        return self._bases[host]

    async def _find_base(self, http: RegistryHttp, host: str) -> str:
        secure, plain = f"https://{self._served_at.get(host, host)}", f"http://{host}"
        if host in self._plain:
            return plain
        if _is_loopback(host):
            try:
                await http.send("GET", f"{secure}/v2/", limit=64 * 2**10)
            except SourceUnreadable:
                return plain
        return secure


def open_registries(settings: Settings, find_login: FindLogin) -> Registries:
    """By the operator's settings for all fetching; raises :class:`BadAllowList`."""
    fetcher = Fetcher(
        read_allow_list(settings.fetch_allow),
        timeout=settings.fetch_timeout,
        max_bytes=settings.fetch_bytes,
        ca_file=settings.fetch_ca_file,
    )
    plain = frozenset(_listed(settings.oci_plain_http))
    pairs = [entry.partition("=") for entry in _listed(settings.oci_served_at)]
    return Registries(
        fetcher,
        find_login,
        timeout=settings.fetch_timeout,
        plain=plain,
        served_at={name.strip(): host.strip() for name, _, host in pairs if host},
    )


def _size_and_digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _listed(text: str) -> list[str]:
    return [entry.strip().lower() for entry in text.split(",") if entry.strip()]


def _is_loopback(host: str) -> bool:
    name = host.partition(":")[0]
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _announced(answer: Answer) -> str:
    """The registry's own word on the digest; one in another algorithm says nothing about ours."""
    said = answer.headers.get("docker-content-digest", "")
    return said if said.startswith("sha256:") else ""
