"""Unpacking a stranger's archive: plain files under checked names, within limits, or nothing at all."""

from __future__ import annotations

import contextlib
import errno
import gzip
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from gateway.errors import BadInput
from gateway.file_names import unfit, unfit_names
from gateway.sources.base import SourceUnreadable

_PART = 2**18
_EXTENSION_HEADERS = {
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
}  # fmt: skip
_MAX_EXTENSION = 2**16
# Below it, a good ratio is only a small file of spaces.
_RATIO_FROM = 2**20
_END_OF_ZIP = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR = 20
_MAX_ZIP_DIRECTORY = 4 * 2**20
# What the machine has run out of; a broken archive leads to other errors of the system.
_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EMFILE, errno.ENFILE)
_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, IndexError, KeyError,
    struct.error, NotImplementedError, RuntimeError, OverflowError,
)  # fmt: skip


class ArchiveRefused(BadInput):
    """The archive holds what no archive of a plugin may hold, or cannot be read."""

    key, title = "archive-refused", "The archive is refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Limits of one archive; ``ratio`` is unpacked to packed bytes, of the whole."""

    entries: int = 10_000
    size: int = 256 * 2**20
    ratio: int = 100


def unpack(archive: Path, target: Path, caps: Caps = Caps()) -> tuple[str, ...]:
    """Write the archive's files below ``target``, which must not exist; returns their names.

    A directory that all files share is taken off their names. Blocking. Raises
    :class:`ArchiveRefused`, and then ``target`` does not exist.
    """
    target.mkdir(mode=0o700)
    try:
        with _plain_errors():
            return _unpack(archive, target, caps)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _unpack(archive: Path, target: Path, caps: Caps) -> tuple[str, ...]:
    names: list[str] = []
    with archive.open("rb") as file:
        meter = _Meter(caps, archive.stat().st_size)
        for raw, content in _members(file, meter, caps):
            names.append(raw.removeprefix("./"))
            # Numbers until all names are known to fit together.
            with (target / str(len(names))).open("xb") as out:
                while part := content.read(_PART):
                    out.write(meter.take(part))
    if reason := unfit_names(names):
        raise ArchiveRefused(f"Its file names do not hold: {reason}.")
    return _lay_out(target, names)


def _lay_out(target: Path, names: list[str]) -> tuple[str, ...]:
    """Give the numbered files their names."""
    shared = _shared_directory(names)
    plain = tuple(name.removeprefix(shared) for name in names)
    files = target.with_name(target.name + ".named")
    try:
        for number, name in enumerate(plain, start=1):
            place = files / name
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (target / str(number)).rename(place)
        files.mkdir(mode=0o700, exist_ok=True)
        target.rmdir()
        files.rename(target)
    except BaseException:
        shutil.rmtree(files, ignore_errors=True)
        raise
    return plain


def _shared_directory(names: list[str]) -> str:
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    top = tops.pop() if len(tops) == 1 else ""
    return f"{top}/" if top else ""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Meter:
    """Counts what comes out; raises :class:`ArchiveRefused` where it is too much."""

    def __init__(self, caps: Caps, packed: int) -> None:
        self._limit = caps.size
        if caps.ratio * packed < caps.size:
            self._limit = max(_RATIO_FROM, caps.ratio * packed)
        self._caps = caps
        self._taken = 0
        self._entries = 0

    def take(self, part: bytes) -> bytes:
        self._taken += len(part)
        if self._taken > self._limit:
            raise ArchiveRefused(
                f"It unpacks to more than {self._limit} bytes: the limit is {self._caps.size >> 20} MiB, "
                f"and {self._caps.ratio} times its own size."
            )
        return part

    def entry(self) -> None:
        self._entries += 1
        if self._entries > self._caps.entries:
            raise ArchiveRefused(f"It has more than {self._caps.entries} entries.")


def _members(file: IO[bytes], meter: _Meter, caps: Caps) -> Iterator[tuple[str, _Readable]]:
    magic = file.read(4)
    file.seek(0)
    if magic[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=file) as unzipped:
            # What gzip gives is metered as well: headers and gaps of a tar file are no content.
            yield from _tar_members(_Metered(unzipped, _Meter(caps, _size(file))), meter)
    elif magic == b"PK\x03\x04":
        yield from _zip_members(file, meter)
    else:
        yield from _tar_members(file, meter)


class _Metered:
    def __init__(self, file: _Readable, meter: _Meter) -> None:
        self._file = file
        self._meter = meter

    def read(self, size: int, /) -> bytes:
        return self._meter.take(self._file.read(size))


def _size(file: IO[bytes]) -> int:
    at = file.tell()
    size = file.seek(0, 2)
    file.seek(at)
    return size


class _Header(tarfile.TarInfo):
    """Extension headers are read into memory before anyone can look at them, so they are cut here."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0 or (header.type in _EXTENSION_HEADERS and header.size > _MAX_EXTENSION):
            raise ArchiveRefused(f"It has an extension header of {header.size} bytes.")
        return header


def _tar_members(file: _Readable, meter: _Meter) -> Iterator[tuple[str, _Readable]]:
    with tarfile.open(fileobj=file, mode="r|", tarinfo=_Header, errorlevel=2) as tar:  # type: ignore[call-overload]
        for member in tar:
            meter.entry()
            name = member.name
            if member.isdir():
                _check_directory(name)
                continue
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.sparse is not None:
                raise ArchiveRefused(f"Its entry {name[:80]!r} is no plain file.")
            content = tar.extractfile(member)
            assert content is not None
            yield name, content
            # All members are kept otherwise.
            tar.members = []
    while file.read(_PART):  # The check sum of gzip comes last.
        pass


def _zip_members(file: IO[bytes], meter: _Meter) -> Iterator[tuple[str, _Readable]]:
    _check_end_of_zip(file)
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            meter.entry()
            name = info.orig_filename
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir() and kind in (0, stat.S_IFDIR):
                _check_directory(name)
                continue
            if kind not in (0, stat.S_IFREG):
                raise ArchiveRefused(f"Its entry {name[:80]!r} is no plain file.")
            if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ArchiveRefused(f"Its file {name[:80]!r} is encrypted or packed in an unusual way.")
            with archive.open(info) as content:
                yield name, content


def _check_end_of_zip(file: IO[bytes]) -> None:
    """The directory of a zip file is read into memory as a whole: so it must be small, and be found."""
    size = _size(file)
    file.seek(max(0, size - _END_OF_ZIP.size - _ZIP64_LOCATOR))
    tail = file.read()
    file.seek(0)
    if len(tail) < _END_OF_ZIP.size or tail[-_END_OF_ZIP.size :][:4] != b"PK\x05\x06" or tail[-2:] != b"\0\0":
        raise ArchiveRefused("It is no zip file, or has a comment or more behind its end.")
    _, _, _, _, _, directory, at, _ = _END_OF_ZIP.unpack(tail[-_END_OF_ZIP.size :])
    if directory > _MAX_ZIP_DIRECTORY or tail[:4] == b"PK\x06\x07":
        raise ArchiveRefused(f"Its directory has {directory} bytes; the limit is {_MAX_ZIP_DIRECTORY}.")
    if at + directory != size - _END_OF_ZIP.size:
        raise ArchiveRefused("It begins with something else than a zip file.")


def _check_directory(name: str) -> None:
    """An entry that only names a directory makes none, but says what the archive is up to."""
    plain = name.removeprefix("./").rstrip("/")
    if plain and plain != "." and (reason := unfit(plain)):
        raise ArchiveRefused(f"Its directory {name[:80]!r} {reason}.")


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except ArchiveRefused:
        raise
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno in _OURS:
            raise SourceUnreadable(f"It cannot be unpacked here: {error.strerror}.") from error
        raise ArchiveRefused(f"It cannot be read: {str(error) or type(error).__name__}.") from error
