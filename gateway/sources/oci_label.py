"""What an image says of the plugin in it: the label ``io.plugway.manifest``. Pure.

The gateway has to know what a plugin may do before it is run for the first time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from gateway.definition import Identifier
from gateway.model import EGRESS, IMAGE_MANIFEST, VOLUME_NAME, Permissions, UiType
from gateway.page_origins import MAX_ORIGINS, check_page_origin
from gateway.semver import is_version
from gateway.sources.oci_documents import UnfitImage, read_json

LABEL = IMAGE_MANIFEST
VERSION_LABEL = "org.opencontainers.image.version"
_MAX_LABEL = 64 * 2**10


def _version(text: str) -> str:
    if text and not is_version(text):
        raise ValueError("must be a semantic version such as 1.2.3")
    return text


_TEXT = Annotated[str, StringConstraints(max_length=500)]
_EGRESS = Annotated[str, StringConstraints(pattern=f"^({EGRESS.pattern})$", max_length=500)]
_PAGE_ORIGIN = Annotated[str, AfterValidator(check_page_origin)]
_VOLUME = Annotated[str, StringConstraints(pattern=f"^{VOLUME_NAME.pattern}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class _Permissions(_Part):
    egress: Annotated[tuple[_EGRESS, ...], Field(max_length=256)] = ()
    volumes: Annotated[tuple[_VOLUME, ...], Field(max_length=256)] = ()
    origins: Annotated[tuple[_PAGE_ORIGIN, ...], Field(max_length=MAX_ORIGINS)] = ()


class ImageManifest(_Part):
    """Fields of the label; unknown ones are refused, so that a slip is not silent."""

    id: Identifier
    version: Annotated[str, AfterValidator(_version)] = ""
    name: _TEXT = ""
    description: _TEXT = ""
    ui_type: UiType = UiType.NONE
    permissions: _Permissions = _Permissions()

    @property
    def granted(self) -> Permissions:
        wanted = self.permissions
        return Permissions(egress=wanted.egress, volumes=wanted.volumes, origins=wanted.origins)


def read_configuration(data: bytes, plugin_id: str) -> ImageManifest:
    """From an image's configuration; ``version`` is never empty. Raises :class:`UnfitImage`."""
    document = read_json(data)
    config = document.get("config") or {}
    labels = config.get("Labels") if isinstance(config, dict) else None
    if document.get("os") != "linux" or not isinstance(config, dict):
        raise UnfitImage("The image is not one of Linux.", hint="Build it for linux/amd64 or linux/arm64.")
    if config.get("Volumes"):
        raise UnfitImage(
            "The image declares volumes of its own, which would be places to write without a limit.",
            hint='Take VOLUME out of its Dockerfile, and name volumes in the label: "permissions": '
            '{"volumes": ["data"]}.',
            plugin=plugin_id,
        )
    manifest = _read_label(labels if isinstance(labels, dict) else {}, plugin_id)
    if manifest.id != plugin_id:
        raise UnfitImage(
            f"The image holds the plugin {manifest.id!r}, not {plugin_id!r}.",
            fields={"/id": f"is '{manifest.id}' in the image's label {LABEL}"},
            hint="Correct the id or the sourceUrl of the definition.",
            plugin=plugin_id,
        )
    return manifest


def _read_label(labels: Mapping[str, Any], plugin_id: str) -> ImageManifest:
    text = labels.get(LABEL)
    if not isinstance(text, str) or not text:
        raise UnfitImage(
            f"The image lacks the label {LABEL}, which says what its plugin is and may do.",
            hint="Add to its Dockerfile: " + label_line(plugin_id),
            plugin=plugin_id,
        )
    try:
        if len(text) > _MAX_LABEL:
            raise UnfitImage("it is longer than 64 KiB")
        manifest = ImageManifest.model_validate(read_json(text.encode()))
    except UnfitImage as error:
        raise _bad(error.detail, plugin_id) from None
    except ValidationError as error:
        issue = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = "/".join(str(part) for part in issue["loc"])
        raise _bad(f"{where}: {str(issue['msg']).removeprefix('Value error, ')}", plugin_id) from None
    if manifest.version:
        return manifest
    # Base images have this label too, hence it only stands in.
    version = labels.get(VERSION_LABEL)
    if not isinstance(version, str) or not is_version(version):
        raise _bad(f'it names no "version", nor does the label {VERSION_LABEL}', plugin_id)
    return manifest.model_copy(update={"version": version})


def label_line(plugin_id: str) -> str:
    """What an author writes into a Dockerfile, as an example."""
    example = {"id": plugin_id, "version": "1.0.0", "uiType": "none", "permissions": {"volumes": ["data"]}}
    return f"LABEL {LABEL}='{json.dumps(example)}'"


def _bad(why: str, plugin_id: str) -> UnfitImage:
    return UnfitImage(
        f"The image's label {LABEL} does not hold: {why.rstrip('.')}.",
        hint="Correct it in the Dockerfile, for instance: " + label_line(plugin_id),
        plugin=plugin_id,
    )
