"""``plugway.toml``: what a plugin's directory says of itself."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from gateway.definition import Identifier
from gateway.errors import BadInput
from gateway.model import EGRESS, VOLUME_NAME, Permissions, UiType
from gateway.page_origins import MAX_ORIGINS, check_page_origin
from gateway.semver import is_version
from gateway.sources.check_table import CheckTable

FILE = "plugway.toml"
_MAX_BYTES = 64 * 2**10


class BadManifestFile(BadInput):
    """A ``plugway.toml`` that cannot hold; ``fields`` says which line of it."""

    key, title = "bad-manifest-file", "plugway.toml does not hold"


def _version(text: str) -> str:
    if not is_version(text):
        raise ValueError("must be a semantic version such as 1.2.3")
    return text


Text = Annotated[str, StringConstraints(max_length=500)]
Argument = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Egress = Annotated[str, StringConstraints(pattern=f"^({EGRESS.pattern})$")]
VolumeName = Annotated[str, StringConstraints(pattern=f"^{VOLUME_NAME.pattern}$")]
ImageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$", max_length=200)]


PageOrigin = Annotated[str, AfterValidator(check_page_origin)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class _Permissions(_Part):
    egress: tuple[Egress, ...] = Field(
        default=(),
        description="Where it connects to: `host:port`, or `settings:/pointer` to a setting with an address.",
    )
    volumes: tuple[VolumeName, ...] = Field(
        default=(), description="Names of directories that outlive the container."
    )
    origins: Annotated[tuple[PageOrigin, ...], Field(max_length=MAX_ORIGINS)] = Field(
        default=(),
        description="What its page loads elsewhere: `img-src https://a.example`, `media-src`, `frame-src`.",
    )


class ManifestFile(_Part):
    """Fields of ``plugway.toml``; unknown ones are refused, so that a slip is not silent."""

    id: Identifier = Field(description="The plugin's id, which is in the paths of its calls.")
    version: Annotated[str, AfterValidator(_version)] = Field(
        description="Semantic; the same files under another number are another release."
    )
    name: Text = Field(description="Its name for people.")
    description: Text = Field(default="", description="One sentence for people.")
    ui_type: UiType = Field(
        default=UiType.NONE, description="What its page's module exports; `none` without a page."
    )
    command: tuple[Argument, ...] = Field(
        min_length=1, description="What starts it, in its directory; `{python}` stands for the interpreter."
    )
    build: tuple[Argument, ...] = Field(
        default=(), description="What makes its program: `plugway dev` runs it before each start."
    )
    image: ImageName = Field(
        default="", description="The image that is built of it; `plugway/` and the id if left out."
    )
    requirements: tuple[Argument, ...] = Field(
        default=(), description="Python packages for that image, as pip writes them."
    )
    permissions: _Permissions = Field(
        default=_Permissions(), description="What it may do outside its container."
    )
    check: CheckTable = Field(
        default=CheckTable(), description="What `plugway check` has to know to try all of it."
    )

    @property
    def image_name(self) -> str:
        """The image's name, without a tag."""
        return self.image or f"plugway/{self.id.rstrip('-')}"

    @property
    def granted(self) -> Permissions:
        wanted = self.permissions
        return Permissions(egress=wanted.egress, volumes=wanted.volumes, origins=wanted.origins)


def read_manifest_file(directory: Path) -> ManifestFile:
    """Read ``plugway.toml`` of a directory; raises :class:`BadManifestFile`. Blocking."""
    path = directory / FILE
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise BadManifestFile(f"{path} is larger than 64 KiB.")
        return ManifestFile.model_validate(tomllib.loads(text.decode()))
    except OSError as error:
        raise BadManifestFile(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadManifestFile(f"{path} is not TOML: {error}.") from error
    except ValidationError as error:
        fields = {
            "/" + "/".join(str(part) for part in issue["loc"]): _plain(issue["type"], str(issue["msg"]))
            for issue in error.errors()
        }
        said = "; ".join(f"{name[1:] or 'file'}: {text}" for name, text in fields.items())
        raise BadManifestFile(f"{path} does not hold: {said}.", fields=fields) from None


def _plain(kind: str, message: str) -> str:
    words = {
        "missing": "is missing",
        "extra_forbidden": "unknown field",
    }
    return words.get(kind, message.removeprefix("Value error, "))
