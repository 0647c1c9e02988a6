"""Names of images: ``oci://host[:port]/name[:tag][@sha256:...]``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.errors import BadInput
from gateway.model import DIGEST

SCHEME = "oci://"
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_FORM = "oci://registry.example/team/plugin:1.0.0"
_MAX_URL = 600
_MAX_NAME = 255
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"({_LABEL}(?:\.{_LABEL})*)(?::([0-9]{{1,5}}))?")
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """``host`` is in lower case, with its port where one was given. ``tag`` and ``digest`` may be empty."""

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        return f"{self.host}/{self.repository}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"


def parse_reference(url: str) -> Reference:
    """Read a ``sourceUrl``; raises :class:`BadInput` on any other form.

    A host without a dot or a port is refused: engines take its name for a repository on Docker Hub.
    """
    if len(url) > _MAX_URL or not url.startswith(SCHEME):
        raise _bad(f"must be a URL such as {_FORM}")
    host, slash, rest = url.removeprefix(SCHEME).partition("/")
    if "@" in host:
        # Not repeated: it may hold a password.
        raise _bad("must not hold a user or a password")
    if not slash:
        raise _bad("lacks the image's name after the host")
    rest, at, digest = rest.partition("@")
    if at and not DIGEST.fullmatch(digest):
        raise _bad("has an '@' that is not followed by sha256: and 64 hexadecimal digits")
    name, colon, tag = rest.partition(":")
    if colon and not TAG.fullmatch(tag):
        raise _bad("has a tag that is none: up to 128 letters, digits, '.', '_' and '-'")
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise _bad("has a name that is none: lower-case letters and digits, parted by '.', '_', '-' and '/'")
    return Reference(host=parse_host(host), repository=name, tag=tag, digest=digest)


def parse_host(text: str) -> str:
    """A registry's host in lower case, with its port; raises :class:`BadInput`."""
    match = _HOST.fullmatch(text)
    if not match or len(match[1]) > _MAX_NAME or (match[2] and not 0 < int(match[2]) < 65536):
        raise _bad("has a host that is none: write a name or an IPv4 address, and a port if need be")
    if "." not in text and ":" not in text and text.lower() != "localhost":
        raise _bad("has a host without a dot or a port, which engines take for a name on Docker Hub")
    return text.lower()


def tag_of_version(version: str) -> str:
    """The tag under which a version is looked for: a tag has no '+', so '_' stands for it."""
    return version.replace("+", "_")


def version_of_tag(tag: str) -> str:
    """The other way round; what it gives for a tag that is no version is none either."""
    return tag.replace("_", "+", 1)


def _bad(why: str) -> BadInput:
    return BadInput(
        "The name of the image does not hold.",
        fields={"/sourceUrl": why},
        hint=f"Write it as {_FORM}, or with @sha256:... at its end.",
    )
