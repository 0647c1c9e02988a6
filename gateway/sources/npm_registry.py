"""Talking to an npm registry: which version a range means, its tarball, its signing keys."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import nodesemver

from gateway.errors import BadInput
from gateway.semver import is_version
from gateway.sources.base import NotInCatalog, SourceUnreadable
from gateway.sources.fetch import Fetcher, FetchFailed
from gateway.sources.npm_config import NpmConfig

PACKAGE = re.compile(r"(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*")
_MAX_DOCUMENT = 64 * 2**20
_MAX_KEYS = 2**20
_SHORT = "application/vnd.npm.install-v1+json"
_MAX_RANGE = 256


class WeakIntegrity(BadInput):
    """The registry names no digest that can be relied on."""

    key, title = "weak-integrity", "The package has no digest to rely on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dist:
    """What the registry says of one version. ``sha512`` is of the tarball, raw."""

    package: str
    version: str
    tarball: str
    integrity: str
    sha512: bytes
    signatures: tuple[Mapping[str, str], ...] = ()


class NpmRegistry:
    """One package's registry. Raises what :class:`Fetcher` raises."""

    def __init__(self, fetcher: Fetcher, config: NpmConfig, package: str) -> None:
        if len(package) > 214 or not PACKAGE.fullmatch(package):
            raise BadInput(
                f"{package[:80]!r} is no name of an npm package.",
                fields={"/uiConfig/packageName": "must be like 'notes' or '@scope/notes'"},
            )
        self._fetcher = fetcher
        self._config = config
        self._package = package
        self._base = config.registry_of(package)

    async def find(self, wanted: str) -> Dist:
        """The version that a version, range or tag means now; raises :class:`NotInCatalog`."""
        document = await self._document(_SHORT)
        versions = document.get("versions")
        if document.get("name") != self._package or not isinstance(versions, dict):
            raise SourceUnreadable(f"The registry answers for {self._package} with something else.")
        version = await asyncio.to_thread(
            _choose, self._package, wanted, list(versions), document.get("dist-tags")
        )
        return _dist(self._package, version, versions[version])

    async def published_at(self, version: str) -> str:
        """When the version was published, as ISO 8601; "" where the registry does not say."""
        times = (await self._document("application/json")).get("time")
        moment = times.get(version) if isinstance(times, dict) else None
        return moment if isinstance(moment, str) else ""

    async def keys(self) -> bytes | None:
        """The registry's public keys, as it gives them; None where it publishes none."""
        url = f"{self._base}-/npm/v1/keys"
        try:
            return await self._fetcher.document(
                url, limit=_MAX_KEYS, credentials=self._config.credentials(url)
            )
        except FetchFailed as error:
            if error.answered in (400, 404, 405):
                return None
            raise

    async def _document(self, accept: str) -> dict[str, Any]:
        url = self._base + quote(self._package, safe="@")
        try:
            content = await self._fetcher.document(
                url,
                limit=_MAX_DOCUMENT,
                headers={"Accept": f"{accept}, application/json;q=0.8"},
                credentials=self._config.credentials(url),
            )
        except FetchFailed as error:
            if error.answered == 404:
                raise NotInCatalog(
                    f"The npm registry has no package {self._package}.",
                    hint="Check the name, and whether it needs a token.",
                ) from error
            raise
        try:
            document = await asyncio.to_thread(json.loads, content)
        except (ValueError, RecursionError) as error:
            raise SourceUnreadable("The npm registry's answer is not JSON.") from error
        if not isinstance(document, dict):
            raise SourceUnreadable("The npm registry's answer is not a JSON object.")
        return document


def _choose(package: str, wanted: str, versions: list[str], tags: Any) -> str:
    """A tag or an exact version by its name, else the highest in the range, by npm's rules."""
    fit = [version for version in versions if is_version(version)]
    tag = tags.get(wanted or "latest") if isinstance(tags, dict) else None
    exact = tag if isinstance(tag, str) else wanted
    if exact in fit:
        return exact
    try:
        found = nodesemver.max_satisfying(fit, wanted, loose=False) if len(wanted) <= _MAX_RANGE else None
    except Exception:  # noqa: BLE001 - a stranger's text in a library that names no errors of its own
        found = None
    if not isinstance(found, str) or found not in fit:
        newest = ", ".join(fit[-5:])
        raise NotInCatalog(
            f"No version of {package} is {wanted[:80] or 'latest'!r}.",
            hint=f"The last ones published are: {newest}." if newest else "It has no version.",
        )
    return found


def _dist(package: str, version: str, said: Any) -> Dist:
    dist = said.get("dist") if isinstance(said, dict) else None
    tarball = dist.get("tarball") if isinstance(dist, dict) else None
    if not isinstance(dist, dict) or not isinstance(tarball, str):
        raise SourceUnreadable(f"The registry names no tarball of {package} {version}.")
    integrity = dist.get("integrity")
    integrity = integrity if isinstance(integrity, str) else ""
    signatures = dist.get("signatures")
    return Dist(
        package=package,
        version=version,
        tarball=tarball,
        integrity=integrity,
        sha512=read_integrity(package, version, integrity),
        signatures=tuple(
            {key: one[key] for key in ("keyid", "sig") if isinstance(one.get(key), str)}
            for one in (signatures if isinstance(signatures, list) else ())
            if isinstance(one, dict)
        ),
    )


def read_integrity(package: str, version: str, integrity: str) -> bytes:
    """The sha512 out of a subresource-integrity text, which may hold several digests.

    Raises :class:`WeakIntegrity`.
    """
    for part in integrity.split():
        algorithm, _, value = part.partition("?")[0].partition("-")
        if algorithm == "sha512":
            try:
                digest = base64.b64decode(value, validate=True)
            except ValueError:
                continue
            if len(digest) == 64:
                return digest
    raise WeakIntegrity(
        f"The registry names no sha512 of {package} {version}, and sha1 is not relied on.",
        hint="Have the package published anew by a current npm.",
    )
