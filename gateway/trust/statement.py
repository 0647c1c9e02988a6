"""in-toto Statement v1 about one release: its artefacts as subjects, its lock as predicate.

The predicate says what the publisher vouches for beside the bytes: which plugin and version they are,
what the plugin may do, which origins its UI may reach, which contract it speaks, when it was signed
and until when it may be installed. No URL: whoever holds the bytes may offer them anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

from gateway.definition import Identifier
from gateway.digests import canonical_json
from gateway.model import DIGEST, EGRESS, VOLUME_NAME, Permissions, UiType
from gateway.page_origins import MAX_ORIGINS, check_origin
from gateway.semver import is_version
from gateway.trust.envelope import MAX_BYTES
from gateway.trust.refusal import Refused, Rule
from gateway.trust.strict_json import NotStrictJson, read_form
from gateway.trust.subjects import MAX_SUBJECTS, Subjects, is_subject_name
from gateway.trust.times import read_moment, write_moment

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:plugway:release-lock:v1"

Directive = Literal["img-src", "media-src", "frame-src"]
"""What a UI may ask for. Everything else comes from the release itself, always."""


def _version(text: str) -> str:
    if not is_version(text):
        raise ValueError("must be a semantic version such as 1.2.3")
    return text


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a time in UTC such as 2026-01-31T12:00:00Z")  # noqa: TRY004 pydantic's way
    return read_moment(value)


Moment = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(write_moment, when_used="json")]
Digest = Annotated[str, StringConstraints(pattern=f"^{DIGEST.pattern}$")]
Egress = Annotated[str, StringConstraints(pattern=f"^({EGRESS.pattern})$", max_length=500)]
Volume = Annotated[str, StringConstraints(pattern=f"^{VOLUME_NAME.pattern}$")]
Origin = Annotated[str, AfterValidator(check_origin)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class LockPermissions(_Strict):
    egress: Annotated[tuple[Egress, ...], Field(max_length=256)] = Field(
        default=(), description="Where it may connect to: `host:port`, or `settings:/pointer`."
    )
    volumes: Annotated[tuple[Volume, ...], Field(max_length=256)] = Field(
        default=(), description="Names of directories that outlive the container."
    )


class ReleaseLock(_Strict):
    """What the publisher vouches for. ``contract`` is a digest, or empty where none was given."""

    lock: Literal[1] = Field(default=1, description="The form of this document.")
    plugin: Identifier = Field(description="The plugin's id.")
    version: Annotated[str, AfterValidator(_version)] = Field(description="The release's version.")
    contract: Digest | Literal[""] = Field(
        default="", description="Digest of what it tells of itself; empty for any."
    )
    permissions: LockPermissions = Field(default=LockPermissions(), description="The most it may do.")
    ui_type: UiType = Field(default=UiType.NONE, description="What its page's module exports.")
    csp: dict[Directive, Annotated[tuple[Origin, ...], Field(max_length=MAX_ORIGINS)]] = Field(
        default={}, description="Origins that its page loads from, by directive."
    )
    signed_at: Moment = Field(description="When it was signed; keys are judged by that.")
    expires: Moment | None = Field(
        default=None, description="Until when it may be installed; what runs stays."
    )

    @property
    def granted(self) -> Permissions:
        origins = tuple(f"{name} {origin}" for name, found in self.csp.items() for origin in found)
        return Permissions(egress=self.permissions.egress, volumes=self.permissions.volumes, origins=origins)


@dataclass(frozen=True, slots=True)
class Statement:
    """A release's artefacts, name to digest, and its lock."""

    subjects: Subjects
    lock: ReleaseLock


class _DigestSet(_Strict):
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Subject(_Strict):
    name: Annotated[str, StringConstraints(max_length=600)]
    digest: _DigestSet


class _StatementForm(BaseModel):
    # The alias "_type" is in-toto's; camel case would not lead to it.
    model_config = ConfigDict(extra="forbid")

    type_: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    predicate_type: Annotated[Literal["urn:plugway:release-lock:v1"], Field(alias="predicateType")]
    subject: Annotated[list[_Subject], Field(min_length=1, max_length=MAX_SUBJECTS)]
    predicate: ReleaseLock


def parse_statement(payload: bytes) -> Statement:
    """Read a statement; raises :class:`Refused` under rule ``statement`` and nothing else."""
    try:
        form = read_form(_StatementForm, payload, limit=MAX_BYTES)
    except NotStrictJson as error:
        raise _bad(str(error)) from None
    subjects: dict[str, str] = {}
    for subject in form.subject:
        if subject.name in subjects:
            raise _bad(f"the subject {subject.name!r} stands twice in it")
        if not is_subject_name(subject.name):
            raise _bad(f"{subject.name!r} is no name of an artefact")
        subjects[subject.name] = f"sha256:{subject.digest.sha256}"
    return Statement(subjects, form.predicate)


def make_statement(subjects: Mapping[str, str], lock: ReleaseLock) -> bytes:
    """The payload to sign, in its one canonical spelling; raises :class:`Refused` as the parser would."""
    document = {
        "_type": STATEMENT_TYPE,
        "predicateType": PREDICATE_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}
            for name, digest in sorted(subjects.items())
        ],
        "predicate": lock.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    try:
        payload = canonical_json(document)
    except UnicodeEncodeError:
        raise _bad("a file's name is not UTF-8") from None
    parse_statement(payload)
    return payload


def _bad(why: str) -> Refused:
    return Refused(
        Rule.STATEMENT,
        f"What was signed is not a release lock that this gateway understands: {why}.",
        hint="Have the publisher sign the release again with plugway sign of this version.",
    )
