"""The index of a catalogue: what was signed, read strictly. Pure.

Whoever writes an index is a stranger: sizes are limited, unknown fields and doubled names are refused.
Definitions alone are read leniently, one by one: a version whose definition this gateway does not
understand (it may be for a newer one) is offered with the reason, and the others hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from gateway.catalogue.errors import CatalogueRefused
from gateway.definition import Identifier, PluginDefinition, parse_definition
from gateway.digests import canonical_json
from gateway.errors import PlugwayError
from gateway.model import Permissions, Source, UiType
from gateway.page_origins import MAX_ORIGINS, check_page_origin
from gateway.semver import is_version, preference
from gateway.trust.envelope import MAX_BYTES
from gateway.trust.statement import LockPermissions, Moment
from gateway.trust.strict_json import NotStrictJson, read_form

PAYLOAD_TYPE = "application/vnd.plugway.catalogue.v1+json"
MAX_PLUGINS = 5000
MAX_VERSIONS = 200
MAX_SCREENSHOTS = 8
MAX_DEFINITION = 64 * 2**10
"""Bytes of one definition, in its shortest spelling; one that carries an envelope takes some."""
MAX_SERIAL = 2**53 - 1

NAME = r"[a-z0-9][a-z0-9._-]{0,62}"
_PART = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
_PATH = rf"{_PART}(/{_PART}){{0,9}}"

Short = Annotated[str, StringConstraints(max_length=200)]
Long = Annotated[str, StringConstraints(max_length=8000)]


def _version(text: str) -> str:
    if not is_version(text):
        raise ValueError("must be a semantic version such as 1.2.3")
    return text


def _https(url: str) -> str:
    """Shown as a link, so nothing else than https is let through."""
    if not url:
        return url
    parts = urlsplit(url)
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or not plain:
        raise ValueError("must be an https:// URL")
    return url


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class Screenshot(_Strict):
    """A picture beside the index: ``path`` is relative to the index's own URL."""

    path: Annotated[str, StringConstraints(pattern=f"^{_PATH}$", max_length=200)] = Field(
        description="Relative to the index."
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(description="Its digest.")
    alt: Short = Field(description="The picture in words.")


class OfferedPermissions(LockPermissions):
    """A lock has its origins apart, by directive; an index has them as a plugin asks for them."""

    origins: Annotated[
        tuple[Annotated[str, AfterValidator(check_page_origin)], ...], Field(max_length=MAX_ORIGINS)
    ] = Field(default=(), description="What its page loads from elsewhere: `img-src https://images.example`.")


class VersionForm(_Strict):
    """One version as it is signed. ``yanked`` says why it is to be installed no more; empty where it may."""

    version: Annotated[str, AfterValidator(_version)] = Field(description="The version that is offered.")
    definition: dict[str, Any] = Field(
        description="What installs it: a plugin definition of this id and version."
    )
    permissions: OfferedPermissions = Field(
        default=OfferedPermissions(),
        description="What it asks for, for people who choose; nothing is granted by it.",
    )
    ui_type: UiType = Field(default=UiType.NONE, description="What its page's module exports.")
    released_at: Moment | None = Field(default=None, description="When it came out.")
    notes: Long = Field(default="", description="What is new in it.")
    yanked: Annotated[str, StringConstraints(max_length=500)] = Field(
        default="", description="Why it is to be installed no more."
    )


class PluginForm(_Strict):
    """One plugin as it is signed."""

    id: Identifier = Field(description="The plugin's id.")
    name: Annotated[Short, StringConstraints(min_length=1)] = Field(description="Its name for people.")
    description: Annotated[str, StringConstraints(max_length=2000)] = Field(
        default="", description="What it is for."
    )
    publisher: Short = Field(default="", description="Who makes it, in their own words.")
    homepage: Annotated[str, StringConstraints(max_length=500), AfterValidator(_https)] = Field(
        default="", description="An `https://` URL."
    )
    categories: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=f"^{NAME}$")], ...], Field(max_length=10)
    ] = Field(default=(), description="Words to find it by.")
    screenshots: Annotated[tuple[Screenshot, ...], Field(max_length=MAX_SCREENSHOTS)] = Field(
        default=(), description="Pictures beside the index."
    )
    versions: Annotated[tuple[VersionForm, ...], Field(min_length=1, max_length=MAX_VERSIONS)] = Field(
        description="All that is offered; old ones stay, so that updates are found."
    )


class IndexForm(_Strict):
    """The whole payload."""

    catalogue: Literal[1] = Field(description="The form of this document.")
    name: Annotated[str, StringConstraints(pattern=f"^{NAME}$")] = Field(description="The catalogue's name.")
    title: Short = Field(default="", description="Its name for people.")
    serial: Annotated[int, Field(strict=True, ge=1, le=MAX_SERIAL)] = Field(
        description="Grows with each index; a lower one than seen before is refused."
    )
    issued: Moment = Field(description="When it was made.")
    expires: Moment = Field(description="From then on nothing is installed from it.")
    plugins: Annotated[tuple[PluginForm, ...], Field(max_length=MAX_PLUGINS)] = Field(
        default=(), description="What is offered."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedVersion:
    """One version that a catalogue offers; ``definition`` is None where ``problem`` says why."""

    version: str
    definition: PluginDefinition | None
    problem: str
    permissions: Permissions
    ui_type: UiType
    released_at: datetime | None
    notes: str
    yanked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedPlugin:
    """One plugin of a catalogue; ``versions`` begin with the one to take where none is named."""

    id: str
    name: str
    description: str
    publisher: str
    homepage: str
    categories: tuple[str, ...]
    screenshots: tuple[Screenshot, ...]
    versions: tuple[OfferedVersion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index as read; whether to believe it is judged in :mod:`gateway.catalogue.signed`."""

    name: str
    title: str
    serial: int
    issued: datetime
    expires: datetime
    plugins: Mapping[str, OfferedPlugin]


def parse_index(payload: bytes) -> Index:
    """Read an index; raises :class:`CatalogueRefused` and nothing else."""
    try:
        form = read_form(IndexForm, payload, limit=MAX_BYTES)
    except NotStrictJson as error:
        raise _bad(str(error)) from None
    if form.expires <= form.issued:
        raise _bad("it expires before it was issued")
    plugins: dict[str, OfferedPlugin] = {}
    for plugin in form.plugins:
        if plugin.id in plugins:
            raise _bad(f"the plugin {plugin.id} stands twice in it")
        plugins[plugin.id] = _plugin(plugin)
    return Index(
        name=form.name,
        title=form.title or form.name,
        serial=form.serial,
        issued=form.issued,
        expires=form.expires,
        plugins=plugins,
    )


def _plugin(form: PluginForm) -> OfferedPlugin:
    versions = [_offered(form.id, one) for one in form.versions]
    if len({one.version for one in versions}) < len(versions):
        raise _bad(f"a version of {form.id} stands twice in it")
    return OfferedPlugin(
        id=form.id,
        name=form.name,
        description=form.description,
        publisher=form.publisher,
        homepage=form.homepage,
        categories=form.categories,
        screenshots=form.screenshots,
        versions=tuple(sorted(versions, key=lambda one: preference(one.version), reverse=True)),
    )


def _offered(plugin_id: str, form: VersionForm) -> OfferedVersion:
    definition, problem = _definition(plugin_id, form)
    return OfferedVersion(
        version=form.version,
        definition=definition,
        problem=problem,
        permissions=Permissions(
            egress=form.permissions.egress,
            volumes=form.permissions.volumes,
            origins=form.permissions.origins,
        ),
        ui_type=form.ui_type,
        released_at=form.released_at,
        notes=form.notes,
        yanked=form.yanked,
    )


def _definition(plugin_id: str, form: VersionForm) -> tuple[PluginDefinition | None, str]:
    """The definition, or why it cannot be used."""
    if len(canonical_json(form.definition)) > MAX_DEFINITION:
        return None, f"its definition is longer than {MAX_DEFINITION} bytes"
    try:
        definition = parse_definition(form.definition)
    except PlugwayError as error:
        fields = "; ".join(f"{name[1:]}: {text}" for name, text in error.fields.items())
        return None, f"this gateway does not understand its definition ({fields or error.detail})"
    if definition.id != plugin_id or definition.version != form.version:
        return None, "its definition is of another plugin or version"
    if definition.source is Source.BUILT_IN:
        return None, "its definition names the source 'built-in', which no catalogue can offer"
    return definition, ""


def _bad(why: str) -> CatalogueRefused:
    return CatalogueRefused(
        f"The catalogue's index cannot be read: {why}.",
        hint="Tell whoever publishes it; 'plugway catalogue make' writes indexes that hold.",
        reason="unreadable",
    )
