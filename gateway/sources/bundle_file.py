"""The file that carries plugins: an uncompressed tar of a list and of what was once fetched.

manifest.json    the list: definition, version, digests of the files, signatures; indexes of catalogues
files/SHA256     a package, page, part of an image or index, byte for byte as it was fetched

Neither is trusted: files have to have their digests, and what they hold is judged as if fetched now.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.definition import PluginDefinition, parse_definition
from gateway.digests import canonical_json
from gateway.errors import BadInput
from gateway.model import DIGEST
from gateway.sources.archive import Caps, unpack
from gateway.sources.vouched import NOTHING, Vouched

MANIFEST = "manifest.json"
FILES = "files"
MAX_PLUGINS = 500
MAX_PARTS = 500
"""Files of one image beside the one it is named by; engines take 127 layers."""
MAX_FILES = 10_000
MAX_ENVELOPES = 16
MAX_CATALOGUES = 50
_MAX_MANIFEST = 64 * 2**20
_MAX_ENVELOPE = 2**20
_PART = 2**18
_BLOCK = tarfile.BLOCKSIZE


class BadBundle(BadInput):
    """The file is no bundle, or not what it says."""

    key, title = "bad-bundle", "The bundle does not hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriage:
    """One plugin in a bundle. ``file`` is ``sha256:...``, empty where it has no page of its own.

    Of an image it is what the image is named by, and ``parts`` are all other files of it.
    ``envelope`` is the signature that counted where it comes from, ``envelopes`` are all others;
    ``vouched`` is what its registry signed.
    """

    definition: PluginDefinition
    version: str
    file: str = ""
    parts: tuple[str, ...] = ()
    envelope: bytes = b""
    envelopes: tuple[bytes, ...] = ()
    vouched: Vouched = NOTHING

    @property
    def digests(self) -> tuple[str, ...]:
        return (self.file, *self.parts) if self.file else ()

    @property
    def signatures(self) -> tuple[bytes, ...]:
        return tuple(one for one in (self.envelope, *self.envelopes) if one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a bundle lists: plugins, and the digests of indexes of catalogues that offer them."""

    plugins: tuple[Carriage, ...]
    catalogues: tuple[str, ...] = ()

    @property
    def digests(self) -> set[str]:
        return {*(digest for plugin in self.plugins for digest in plugin.digests), *self.catalogues}


_Digest = Annotated[str, Field(pattern=f"^{DIGEST.pattern}$")]
_Envelope = Annotated[str, Field(max_length=_MAX_ENVELOPE * 2)]


class _RegistrySignature(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    keyid: Annotated[str, Field(max_length=200)]
    sig: Annotated[str, Field(max_length=1000)]


class _Registry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    integrity: Annotated[str, Field(max_length=1000)]
    signatures: Annotated[list[_RegistrySignature], Field(min_length=1, max_length=MAX_ENVELOPES)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    definition: dict[str, Any]
    version: Annotated[str, Field(max_length=200)]
    file: Annotated[str, Field(pattern=f"^({DIGEST.pattern})?$")] = ""
    parts: Annotated[list[_Digest], Field(max_length=MAX_PARTS)] = []
    envelope: _Envelope = ""
    envelopes: Annotated[list[_Envelope], Field(max_length=MAX_ENVELOPES)] = []
    registry: _Registry | None = None


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal[1]
    plugins: Annotated[list[_Entry], Field(min_length=1, max_length=MAX_PLUGINS)]
    catalogues: Annotated[list[_Digest], Field(max_length=MAX_CATALOGUES)] = []


def dump_bundle(contents: Contents, files: Mapping[str, Path | bytes]) -> tuple[int, Iterator[bytes]]:
    """The bundle's length in bytes, and its parts; ``files`` are by digest. Both are blocking."""
    document: dict[str, Any] = {"format": 1, "plugins": [_document(one) for one in contents.plugins]}
    if contents.catalogues:
        document["catalogues"] = list(contents.catalogues)
    manifest = canonical_json(document)
    sizes = {
        digest: len(file) if isinstance(file, bytes) else file.stat().st_size
        for digest, file in files.items()
    }
    length = sum(_BLOCK + size + -size % _BLOCK for size in (len(manifest), *sizes.values()))
    return length + 2 * _BLOCK, _parts(manifest, files, sizes)


def read_bundle(archive: Path, place: Path, *, limit: int) -> Contents:
    """Unpack below ``place``, which must not exist, and check every digest. Blocking.

    ``limit`` is in bytes. Raises :class:`BadBundle` and
    :class:`gateway.sources.archive.ArchiveRefused`, and then ``place`` may hold parts.
    """
    names = unpack(archive, place, Caps(entries=MAX_FILES, size=limit))
    if MANIFEST not in names:
        raise BadBundle(f"It has no {MANIFEST}.", hint="'plugway bundle export' makes bundles.")
    contents = _read_manifest(place / MANIFEST)
    said = {f"{FILES}/{digest.removeprefix('sha256:')}" for digest in contents.digests}
    if differing := sorted(said ^ (set(names) - {MANIFEST})):
        raise BadBundle(f"Its list and its files differ in {differing[0][:80]!r}.", hint=_AGAIN)
    for name in said:
        with (place / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != name.rpartition("/")[2]:
                raise BadBundle(f"Its {name} has another digest than its name says.", hint=_AGAIN)
    return contents


_AGAIN = "It was damaged or changed on its way: carry it over again."


def file_in(place: Path, digest: str) -> Path:
    """Where :func:`read_bundle` has put the file."""
    return place / FILES / digest.removeprefix("sha256:")


def _document(plugin: Carriage) -> dict[str, Any]:
    document: dict[str, Any] = {
        "definition": plugin.definition.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "version": plugin.version,
        "file": plugin.file,
        "envelope": base64.b64encode(plugin.envelope).decode(),
    }
    if plugin.parts:
        document["parts"] = list(plugin.parts)
    if plugin.envelopes:
        document["envelopes"] = [base64.b64encode(one).decode() for one in plugin.envelopes]
    if plugin.vouched.signatures:
        signed = [dict(one) for one in plugin.vouched.signatures]
        document["registry"] = {"integrity": plugin.vouched.integrity, "signatures": signed}
    return document


def _parts(manifest: bytes, files: Mapping[str, Path | bytes], sizes: Mapping[str, int]) -> Iterator[bytes]:
    yield _header(MANIFEST, len(manifest)) + manifest + bytes(-len(manifest) % _BLOCK)
    for digest, file in files.items():
        yield _header(f"{FILES}/{digest.removeprefix('sha256:')}", sizes[digest])
        if isinstance(file, bytes):
            yield file
        else:
            yield from _content(file, sizes[digest])
        yield bytes(-sizes[digest] % _BLOCK)
    yield bytes(2 * _BLOCK)


def _content(path: Path, left: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while left:
            part = file.read(min(left, _PART))
            if not part:
                # The reader is told by a length that is not reached.
                raise OSError(f"{path} has become shorter")
            left -= len(part)
            yield part


def _header(name: str, size: int) -> bytes:
    header = tarfile.TarInfo(name)
    header.size = size
    return header.tobuf(tarfile.USTAR_FORMAT)


def _read_manifest(path: Path) -> Contents:
    if path.stat().st_size > _MAX_MANIFEST:
        raise BadBundle(f"Its {MANIFEST} is larger than {_MAX_MANIFEST >> 20} MiB.")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise BadBundle(f"Its {MANIFEST} is not JSON.", hint=_AGAIN) from None
    if isinstance(document, dict) and document.get("format") not in (1, None):
        raise BadBundle(
            f"It is of the format {str(document['format'])[:20]!r}; this gateway reads 1.",
            hint="Bring the gateway up to date.",
        )
    try:
        manifest = _Manifest.model_validate(document)
    except ValidationError as error:
        issue = error.errors(include_url=False, include_input=False)[0]
        where = "/" + "/".join(str(part) for part in issue["loc"])
        raise BadBundle(f"Its {MANIFEST} does not hold at {where}: {issue['msg']}.") from None
    plugins = tuple(_carriage(entry) for entry in manifest.plugins)
    if len({plugin.definition.id for plugin in plugins}) != len(plugins):
        raise BadBundle("A plugin stands twice in it.")
    contents = Contents(plugins=plugins, catalogues=tuple(manifest.catalogues))
    if len(contents.digests) >= MAX_FILES:
        raise BadBundle(f"It lists more than {MAX_FILES} files.")
    return contents


def _carriage(entry: _Entry) -> Carriage:
    if entry.parts and not entry.file:
        raise BadBundle("A plugin in it has parts of nothing.", hint=_AGAIN)
    try:
        envelope, *envelopes = [
            base64.b64decode(text, validate=True) for text in (entry.envelope, *entry.envelopes)
        ]
    except (binascii.Error, ValueError):
        raise BadBundle("A signature in it is not in base64.", hint=_AGAIN) from None
    return Carriage(
        definition=parse_definition(entry.definition),
        version=entry.version,
        file=entry.file,
        parts=tuple(entry.parts),
        envelope=envelope,
        envelopes=tuple(envelopes),
        vouched=_vouched(entry.registry),
    )


def _vouched(said: _Registry | None) -> Vouched:
    if said is None:
        return NOTHING
    signatures = tuple(one.model_dump() for one in said.signatures)
    return Vouched(integrity=said.integrity, signatures=signatures)
