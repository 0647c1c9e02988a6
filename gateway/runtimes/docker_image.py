"""The image of a release: built from its directory without network, or pulled by digest. All blocking."""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

import docker
from docker.errors import APIError, BuildError, ImageNotFound
from docker.models.images import Image

from gateway.digests import tree_digest
from gateway.home import Home
from gateway.model import DirectoryArtifact, ImageArtifact, Release
from gateway.runtimes import docker_names as names
from gateway.runtimes.base import Progress, ReleaseNotRunnable
from gateway.runtimes.docker_base import have_base, python_in
from gateway.runtimes.docker_engine import explanation
from gateway.runtimes.launch import runnable_directory, sdk_packages
from gateway.runtimes.site_packages import Packages, gather
from gateway.settings import Settings, shipped_root

_BUILD_TIMEOUT = 600
_LEFT_OUT = {"__pycache__", ".git", ".venv", "node_modules", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
_HAS_PROGRAM = (
    "import shutil, sys; name = sys.argv[1]; "
    "sys.exit(0 if shutil.which(name) else 'the command ' + repr(name) + ' is not in the image')"
)


def tag_of(artifact: DirectoryArtifact, version: str) -> str:
    return f"{artifact.image}:{version}-{artifact.digest.removeprefix('sha256:')[:12]}"


def have_image(
    client: docker.DockerClient, home: Home, settings: Settings, release: Release, progress: Progress
) -> str:
    """The id of the release's image; raises :class:`ReleaseNotRunnable`."""
    if isinstance(release.artifact, ImageArtifact):
        return _have_pulled(client, release, release.artifact, progress)
    artifact = runnable_directory(release)
    base = have_base(client, settings.base_image, progress)
    cache = home.path / "wheels"
    packages = Packages(requirements_of(Path(artifact.path)), python_in(client, base, cache))
    recipe = _recipe(artifact, base, packages)
    tag = tag_of(artifact, release.version)
    try:
        known = client.images.get(tag)
        if known.labels.get(names.RECIPE) == recipe:
            return str(known.id)
    except ImageNotFound:
        pass
    progress(f"gathering the Python packages of {release.plugin_id}")
    site = gather(packages, cache)
    progress(f"building the image {tag}")
    return _build(client, release, artifact, base, site, tag, recipe)


def requirements_of(directory: Path) -> tuple[str, ...]:
    """The SDK's own requirements and those that the plugin's plugway.toml adds."""
    sdk = tomllib.loads((shipped_root() / "plugin_services" / "sdk" / "pyproject.toml").read_text())
    wanted = list(sdk["project"]["dependencies"])
    manifest = directory / "plugway.toml"
    if manifest.exists():
        wanted += tomllib.loads(manifest.read_text()).get("requirements", [])
    return tuple(dict.fromkeys(wanted))


def _recipe(artifact: DirectoryArtifact, base: Image, packages: Packages) -> str:
    """A digest of all that the image is made of: any change of it makes a new one."""
    parts = [artifact.digest, base.id, packages.key, _dockerfile(artifact)]
    parts += [tree_digest(package) for package in sdk_packages()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _dockerfile(artifact: DirectoryArtifact) -> str:
    command = [part.replace("{python}", "python3") for part in artifact.command]
    lines = [
        (shipped_root() / "deploy" / "plugin.Dockerfile").read_text().rstrip(),
        f"RUN {json.dumps(['python3', '-c', _HAS_PROGRAM, command[0]])}",
        f"CMD {json.dumps(command)}",
    ]
    return "\n".join(lines) + "\n"


def _build(
    client: docker.DockerClient,
    release: Release,
    artifact: DirectoryArtifact,
    base: Image,
    site: Path,
    tag: str,
    recipe: str,
) -> str:
    with tempfile.TemporaryFile() as context:
        write_context(context, artifact, site)
        context.seek(0)
        try:
            image, _ = client.images.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                buildargs={"BASE_IMAGE": str(base.id)},
                labels={names.RECIPE: recipe, names.DIGEST: artifact.digest, names.PLUGIN: release.plugin_id},
                network_mode="none",
                rm=True,
                forcerm=True,
                timeout=_BUILD_TIMEOUT,
            )
        except BuildError as error:
            raise ReleaseNotRunnable(
                f"The image of {release.plugin_id} {release.version} cannot be built: {_said(error)}",
                hint="Correct the plugin's plugway.toml, or its files.",
                plugin=release.plugin_id,
            ) from error
    return str(image.id)


def _said(error: BuildError) -> str:
    """The last line that the failing step printed."""
    lines = [str(part.get("stream", "")).strip() for part in error.build_log]
    told = [line for line in lines if line and not line.startswith(("Step ", "--->", "Removing "))]
    return _uncoloured(told[-1]) if told else str(error.msg)


def _uncoloured(text: str) -> str:
    return text.replace("\x1b[91m", "").replace("\x1b[0m", "").strip()


def write_context(out: IO[bytes], artifact: DirectoryArtifact, site: Path) -> None:
    """The build context as a tar archive, the same bytes for the same input."""
    with tarfile.open(fileobj=out, mode="w") as archive:
        _add_bytes(archive, "Dockerfile", _dockerfile(artifact).encode())
        _add_tree(archive, "site", site)
        for package in sdk_packages():
            _add_tree(archive, f"sdk/{package.name}", package)
        _add_tree(archive, "plugin", Path(artifact.path))


def _add_tree(archive: tarfile.TarFile, name: str, root: Path) -> None:
    for path in _files(root):
        info = archive.gettarinfo(path, arcname=f"{name}/{path.relative_to(root).as_posix()}")
        with path.open("rb") as file:
            archive.addfile(_plain(info, executable=bool(info.mode & 0o100)), file)


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.name in _LEFT_OUT or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(_plain(info, executable=False), BytesIO(content))


def _plain(info: tarfile.TarInfo, *, executable: bool) -> tarfile.TarInfo:
    info.mode = 0o755 if executable else 0o644
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


def _have_pulled(
    client: docker.DockerClient, release: Release, artifact: ImageArtifact, progress: Progress
) -> str:
    by_digest = f"{artifact.reference}@{artifact.digest}"
    for name in (by_digest, artifact.digest):
        try:
            return str(client.images.get(name).id)
        except (ImageNotFound, APIError):
            continue
    progress(f"pulling {by_digest}")
    try:
        return str(client.images.pull(by_digest).id)
    except APIError as error:
        raise ReleaseNotRunnable(
            f"The image {by_digest} cannot be pulled: {explanation(error)}",
            hint="Check the reference, and that this machine reaches the registry.",
            plugin=release.plugin_id,
        ) from error
