"""The image of a plugin that lies in a directory: built from it, without network. All blocking."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, ImageNotFound
from docker.models.images import Image

from gateway.digests import canonical_json, tree_digest
from gateway.home import Home
from gateway.model import IMAGE_MANIFEST, DirectoryArtifact, Release
from gateway.runtimes import docker_names as names
from gateway.runtimes.base import Progress, ReleaseNotRunnable
from gateway.runtimes.docker_base import have_base, python_in
from gateway.runtimes.docker_context import Context
from gateway.runtimes.launch import runnable_directory, sdk_packages
from gateway.runtimes.site_packages import Packages, gather
from gateway.settings import Settings, shipped_root

_BUILD_TIMEOUT = 600
_VERSION_LABEL = "org.opencontainers.image.version"
# In one step, as each costs the engine a container: compile the plugin, and look for its program.
_FINISH = (
    "import compileall, py_compile, shutil, sys; name = sys.argv[1]; "
    "mode = py_compile.PycInvalidationMode.UNCHECKED_HASH; "
    "good = compileall.compile_dir('.', quiet=1, invalidation_mode=mode); "
    "sys.exit(not good if shutil.which(name) else 'the command ' + repr(name) + ' is not in the image')"
)


def tag_of(artifact: DirectoryArtifact, version: str) -> str:
    return f"{artifact.image}:{version}-{artifact.digest.removeprefix('sha256:')[:12]}"


def have_image(
    client: docker.DockerClient, home: Home, settings: Settings, release: Release, progress: Progress
) -> str:
    """The id of the release's image; raises :class:`ReleaseNotRunnable`."""
    artifact = runnable_directory(release)
    base = have_base(client, settings.base_image, progress)
    cache = home.path / "wheels"
    packages = Packages(requirements_of(Path(artifact.path)), python_in(client, base, cache))
    recipe = _recipe(release, artifact, base, packages)
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
    trees = {"site": site, "plugin": Path(artifact.path)}
    trees |= {f"sdk/{package.name}": package for package in sdk_packages()}
    return _build(
        client,
        release,
        Build(
            context=Context(_dockerfile(release, artifact), trees),
            base=base,
            tag=tag,
            labels={
                names.RECIPE: recipe,
                names.DIGEST: artifact.digest,
                names.PLUGIN: release.plugin_id,
                IMAGE_MANIFEST: manifest_label(release),
                _VERSION_LABEL: release.version,
            },
        ),
    )


def requirements_of(directory: Path) -> tuple[str, ...]:
    """The SDK's own requirements and those that the plugin's plugway.toml adds."""
    sdk = tomllib.loads((shipped_root() / "plugin_services" / "sdk" / "pyproject.toml").read_text())
    wanted = list(sdk["project"]["dependencies"])
    manifest = directory / "plugway.toml"
    if manifest.exists():
        wanted += tomllib.loads(manifest.read_text()).get("requirements", [])
    return tuple(dict.fromkeys(wanted))


def _recipe(release: Release, artifact: DirectoryArtifact, base: Image, packages: Packages) -> str:
    """A digest of all that the image is made of: any change of it makes a new one."""
    parts = [artifact.digest, base.id, packages.key, _dockerfile(release, artifact), manifest_label(release)]
    parts += [tree_digest(package) for package in sdk_packages()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def manifest_label(release: Release) -> str:
    """What the image says of its plugin, so that it can be pushed to a registry and installed from there."""
    return canonical_json(
        {
            "id": release.plugin_id,
            "version": release.version,
            "name": release.name,
            "uiType": release.ui_type.value,
            "permissions": {
                "egress": list(release.permissions.egress),
                "volumes": list(release.permissions.volumes),
                "origins": list(release.permissions.origins),
            },
        }
    ).decode()


def _dockerfile(release: Release, artifact: DirectoryArtifact) -> str:
    command = [part.replace("{python}", "python3") for part in artifact.command]
    # A volume that an engine makes anew takes its owner from the directory it is mounted on.
    places = ["/run/plugway", *(f"/volumes/{name}" for name in release.permissions.volumes)]
    lines = [
        (shipped_root() / "deploy" / "plugin.Dockerfile").read_text().rstrip(),
        f"RUN {json.dumps(['install', '-d', '-o', '65532', '-g', '65532', '-m', '700', *places])}",
        f"CMD {json.dumps(command)}",
        "COPY plugin /opt/plugway/plugin",
        f"RUN {json.dumps(['python3', '-c', _FINISH, command[0]])}",
        "USER 65532:65532",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One image to build: what from, on which base, under which tag and labels."""

    context: Context
    base: Image
    tag: str
    labels: Mapping[str, str]

    def run(self, client: docker.DockerClient) -> str:
        """The id of the image; raises BuildError and APIError. What had the tag before is removed."""
        before = client.images.list(name=self.tag)
        with tempfile.TemporaryFile() as archive:
            self.context.write(archive)
            archive.seek(0)
            image, _ = client.images.build(
                fileobj=archive,
                custom_context=True,
                tag=self.tag,
                buildargs={"BASE_IMAGE": str(self.base.id)},
                labels=dict(self.labels),
                network_mode="none",
                rm=True,
                forcerm=True,
                timeout=_BUILD_TIMEOUT,
            )
        for old in before:
            if old.id != image.id:
                # It stays where a container still uses it, or another tag names it.
                with contextlib.suppress(APIError):
                    client.images.remove(str(old.id))
        return str(image.id)


def _build(client: docker.DockerClient, release: Release, build: Build) -> str:
    try:
        return build.run(client)
    except BuildError as error:
        raise ReleaseNotRunnable(
            f"The image of {release.plugin_id} {release.version} cannot be built: {_said(error)}",
            hint="Correct the plugin's plugway.toml, or its files.",
            plugin=release.plugin_id,
        ) from error


def _said(error: BuildError) -> str:
    """The last line that the failing step printed."""
    lines = [str(part.get("stream", "")).strip() for part in error.build_log]
    told = [line for line in lines if line and not line.startswith(("Step ", "--->", "Removing "))]
    return _uncoloured(told[-1]) if told else str(error.msg)


def _uncoloured(text: str) -> str:
    return text.replace("\x1b[91m", "").replace("\x1b[0m", "").strip()
