"""Archives that a stranger made to hurt: each is refused whole, and nothing of it is left."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sources.archive import ArchiveRefused, Caps, unpack

SMALL = Caps(entries=50, size=2**21, ratio=100)


def refused(tmp_path: Path, content: bytes, caps: Caps = SMALL) -> str:
    """The reason; fails where the archive passes or leaves anything."""
    archive, target = tmp_path / "archive", tmp_path / "target"
    archive.write_bytes(content)
    with pytest.raises(ArchiveRefused) as caught:
        unpack(archive, target, caps)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive"]
    return caught.value.detail


def member(
    name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    info.size = len(content) if kind == tarfile.REGTYPE else 0
    return info


def tar(members: Iterable[tarfile.TarInfo], content: bytes = b"x", form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info in members:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(
    entries: Iterable[tuple[str | zipfile.ZipInfo, bytes]], packing: int = zipfile.ZIP_DEFLATED
) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", packing) as archive:
        # It warns of names that are there twice, which one test means.
        warnings.simplefilter("ignore")
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def made(kind: str, names: Iterable[str]) -> bytes:
    if kind == "zip":
        return zipped((name, b"x") for name in names)
    plain = tar(member(name) for name in names)
    return gzip.compress(plain) if kind == "tgz" else plain


KINDS = pytest.mark.parametrize("kind", ["tar", "tgz", "zip"])
NAMES = [
    ["../up.js"],
    ["a/../../up.js"],
    ["a/.."],
    ["/etc/cron.d/x"],
    ["//server/share"],
    ["a//b.js"],
    ["a/./b.js"],
    ["C:/windows.js"],
    ["c:x.js"],
    ["a\\..\\..\\up.js"],
    ["a\nb.js"],
    ["a\u202eb.js"],
    ["\u200b.js"],
    ["e\u0301.js"],
    ["x" * 300],
    ["/".join(["d"] * 600)],
    ["a.js", "A.js"],
    ["a.js", "a.js"],
    ["ﬁle.js", "file.js"],
    ["straße.js", "strasse.js"],
    ["a", "a/b.js"],
    ["A", "a/b.js"],
]


@KINDS
@pytest.mark.parametrize("names", NAMES, ids=ascii)
def test_names_that_lead_out_or_hide_another(tmp_path: Path, kind: str, names: list[str]) -> None:
    assert refused(tmp_path, made(kind, ["good.js", *names]))


def test_a_name_with_a_nul_is_not_cut_short(tmp_path: Path) -> None:
    content = zipped([("good.jsX../../up", b"x")]).replace(b"good.jsX", b"good.js\0")
    assert "control" in refused(tmp_path, content)
    pax = member("x")
    pax.pax_headers = {"path": "good.js\0/../up"}
    assert refused(tmp_path, tar([pax]))


@pytest.mark.parametrize(
    "info",
    [
        member("x", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        member("x", kind=tarfile.LNKTYPE, link="good.js"),
        member("x", kind=tarfile.CHRTYPE),
        member("x", kind=tarfile.BLKTYPE),
        member("x", kind=tarfile.FIFOTYPE),
        member("x", kind=tarfile.CONTTYPE),
        member("x", kind=tarfile.GNUTYPE_SPARSE),
        member("x", kind=b"Z"),
        member("../x", kind=tarfile.DIRTYPE),
    ],
    ids=lambda info: repr(info.type),
)
def test_entries_that_are_no_plain_files(tmp_path: Path, info: tarfile.TarInfo) -> None:
    assert refused(tmp_path, tar([member("good.js"), info]))


def test_a_link_in_a_zip(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("x")
    link.create_system = 3
    link.external_attr = 0o120777 << 16
    assert "no plain file" in refused(tmp_path, zipped([("good.js", b"x"), (link, b"/etc/passwd")]))


def test_a_sparse_file_that_claims_to_be_huge(tmp_path: Path) -> None:
    info = member("x")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**40)}
    assert refused(tmp_path, tar([info], content=b"1\n0\n0\n" + bytes(506)))


@pytest.mark.parametrize("packed", ["tgz", "zip"])
def test_bombs(tmp_path: Path, packed: str) -> None:
    zeros = bytes(64 * 2**20)
    content = (
        zipped([("bomb", zeros)]) if packed == "zip" else gzip.compress(tar([member("bomb", zeros)], zeros))
    )
    assert len(content) < 2**17
    assert "unpacks to more" in refused(tmp_path, content, Caps(size=2**30, ratio=100))
    assert "unpacks to more" in refused(tmp_path, content, Caps(size=2**20, ratio=10**9))


def test_a_bomb_in_what_is_no_file(tmp_path: Path) -> None:
    """Zeros behind the archive's end, where no member is."""
    content = gzip.compress(tar([member("good.js")]) + bytes(64 * 2**20))
    assert "unpacks to more" in refused(tmp_path, content)


@KINDS
def test_too_many_entries(tmp_path: Path, kind: str) -> None:
    assert "entries" in refused(tmp_path, made(kind, (f"{number}.js" for number in range(51))))


def test_a_million_entries(tmp_path: Path) -> None:
    """Of no size at all, so that no other limit is in the way. They begin anew after 11,000, for speed."""
    some = b"".join(member(f"{number}.js", b"").tobuf() for number in range(11_000))
    assert len(some) == 11_000 * 512
    content = gzip.compress(some, 1) * 91
    assert "10000 entries" in refused(tmp_path, content, Caps())


def test_too_many_directories(tmp_path: Path) -> None:
    names = (member(f"d{number}", kind=tarfile.DIRTYPE) for number in range(51))
    assert "entries" in refused(tmp_path, tar(names))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_would_fill_the_memory(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("x")
    info.type = kind
    info.size = 2**33 - 1
    head = info.tobuf(tarfile.GNU_FORMAT)
    assert "extension header" in refused(tmp_path, head + bytes(10240))


def test_a_zip_whose_directory_would_fill_the_memory(tmp_path: Path) -> None:
    content = bytearray(zipped([("good.js", b"x")]))
    content[-10:-6] = struct.pack("<L", 2**31)
    assert "directory" in refused(tmp_path, bytes(content))


def test_a_zip_with_two_ends(tmp_path: Path) -> None:
    """Which of them a reader takes is anyone's guess."""
    content = bytearray(zipped([("good.js", b"x")]))
    other = zipped([("evil.js", b"x")])
    content[-2:] = struct.pack("<H", len(other))
    assert refused(tmp_path, bytes(content) + other)


@pytest.mark.parametrize("change", [lambda data: data[:-9], lambda data: data[:-5] + b"\0" + data[-4:]])
def test_a_gzip_that_ends_early_or_with_another_sum(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    content = made("tgz", ["good.js", "more.js"])
    assert refused(tmp_path, change(content))


def test_an_encrypted_zip(tmp_path: Path) -> None:
    content = bytearray(zipped([("good.js", b"x")]))
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    content[6] |= 1
    assert "encrypted" in refused(tmp_path, bytes(content))


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_packings(tmp_path: Path, packing: int) -> None:
    assert "unusual" in refused(tmp_path, zipped([("good.js", b"x")], packing))


@pytest.mark.parametrize("content", [b"", b"x", b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd" + bytes(600)])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    assert refused(tmp_path, content)


@KINDS
def test_an_honest_archive(tmp_path: Path, kind: str) -> None:
    (tmp_path / "archive").write_bytes(made(kind, ["package/a.js", "package/d/b.js"]))
    assert unpack(tmp_path / "archive", tmp_path / "target", SMALL) == ("a.js", "d/b.js")
    assert (tmp_path / "target" / "d" / "b.js").read_bytes() == b"x"
    assert not (tmp_path / "target" / "d" / "b.js").stat().st_mode & 0o111
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "target"]


# Anything at all ------------------------------------------------------------------

HONEST = [made(kind, ["package/a.js", "package/d/b.js"]) for kind in ("tar", "tgz", "zip")]


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """An honest archive with some bytes changed, cut out or put in."""
    data = bytearray(draw(st.sampled_from(HONEST)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["set", "cut", "put"])):
            case "set":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
            case "cut":
                del data[at : at + draw(st.integers(1, 600))]
            case "put":
                data[at:at] = draw(st.binary(max_size=16))
    return bytes(data)


@settings(max_examples=300)
@given(content=st.one_of(spoilt(), st.binary(max_size=2048)))
def test_any_bytes_give_plain_files_inside_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    place = tmp_path_factory.mktemp("fuzz")
    (place / "archive").write_bytes(content)
    try:
        names = unpack(place / "archive", place / "target", SMALL)
    except ArchiveRefused:
        assert [path.name for path in place.iterdir()] == ["archive"]
        return
    assert sorted(path.name for path in place.iterdir()) == ["archive", "target"]
    found = [path for path in (place / "target").rglob("*") if not path.is_dir()]
    assert all(path.is_file() and not path.is_symlink() for path in found)
    assert sorted(path.relative_to(place / "target").as_posix() for path in found) == sorted(names)
