"""What goes into an image: the packages, and a build context that is the same each time."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from gateway.runtimes import site_packages
from gateway.runtimes.base import ReleaseNotRunnable
from gateway.runtimes.docker_context import Context
from gateway.runtimes.site_packages import Packages, Target, gather, missing

TARGET = Target("3.11", "x86_64")


def test_equal_wishes_have_equal_keys() -> None:
    assert Packages(("a", "b"), TARGET).key == Packages(("b", "a"), TARGET).key
    assert Packages(("a",), TARGET).key != Packages(("b",), TARGET).key
    assert Packages(("a",), TARGET).key != Packages(("a",), Target("3.12", "x86_64")).key


def test_gathered_packages_are_kept(tmp_path: Path) -> None:
    wish = Packages(("typing-extensions",), TARGET)
    site = gather(wish, tmp_path)
    assert (site / "typing_extensions.py").is_file()
    assert gather(wish, tmp_path) == site
    assert [entry.name for entry in tmp_path.iterdir()] == [wish.key]


def test_packages_that_cannot_be_had_are_told_in_words(tmp_path: Path) -> None:
    wish = Packages(("./no-such-directory",), TARGET)
    with pytest.raises(ReleaseNotRunnable, match="could not be had"):
        gather(wish, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_only_the_images_python_needs_comes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip leaves it out where the host's Python is a later one: redis needs async-timeout before 3.11.3."""
    monkeypatch.setattr(site_packages, "_uv", lambda target: None)
    site = gather(Packages(("redis",), TARGET), tmp_path)
    assert (site / "redis" / "__init__.py").is_file()
    assert (site / "async_timeout" / "__init__.py").is_file()


def test_conditions_are_judged_for_the_images_python(tmp_path: Path) -> None:
    def lay(name: str, *requires: str) -> None:
        (tmp_path / f"{name}-1.dist-info").mkdir()
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            "Version: 1",
            *(f"Requires-Dist: {r}" for r in requires),
        ]
        (tmp_path / f"{name}-1.dist-info" / "METADATA").write_text("\n".join(lines))

    lay("There_Already")
    lay(
        "asker",
        "there-already; python_version < '4'",
        "old>=1,<2; python_full_version < '3.11.3'",
        "new; python_version >= '3.13'",
        "elsewhere; sys_platform == 'win32'",
        "other-machine; platform_machine == 'aarch64'",
        "optional; extra == 'more'",
        "always",
    )
    assert missing(tmp_path, TARGET) == ["always", "old<2,>=1"]
    assert missing(tmp_path, Target("3.13", "aarch64")) == ["always", "new", "other-machine"]


def test_context_is_the_same_for_the_same_files(tmp_path: Path) -> None:
    root = tmp_path / "plugin"
    (root / "__pycache__").mkdir(parents=True)
    (root / "__pycache__" / "a.pyc").write_text("left out")
    (root / "a.py").write_text("a")
    (root / "b.py").hardlink_to(root / "a.py")
    (root / "outside").symlink_to("/etc/passwd")
    (root / "run.sh").write_text("r")
    (root / "run.sh").chmod(0o700)
    first = written(root)
    os.utime(root / "a.py", (1, 1))
    assert written(root) == first
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        members = {member.name: (member.mode, member.isreg(), member.size) for member in archive}
    assert members == {
        "Dockerfile": (0o644, True, 7),
        "plugin/a.py": (0o644, True, 1),
        "plugin/b.py": (0o644, True, 1),
        "plugin/run.sh": (0o755, True, 1),
    }


def written(root: Path) -> bytes:
    out = io.BytesIO()
    Context("FROM x\n", {"plugin": root}).write(out)
    return out.getvalue()
