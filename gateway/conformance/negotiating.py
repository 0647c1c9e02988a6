"""Checks of the negotiation, and of what a plugin says of itself."""

from __future__ import annotations

import asyncio

from gateway.conformance.check import Broken, Group, NotApplicable, require
from gateway.conformance.subject import Subject
from gateway.contract.client import PluginClient
from gateway.contract.manifest import CONTRACT_VERSIONS, read_manifest
from gateway.model import EGRESS, VOLUME_NAME
from gateway.semver import is_version

group = Group()
_UNKNOWN = 9_999


@group.check(
    "negotiation.version",
    "The gateway lists the contract versions it speaks; answer with the highest common one, and always "
    "with all of yours.",
)
async def version(subject: Subject) -> str:
    answer = await subject.describe(*CONTRACT_VERSIONS, _UNKNOWN)
    theirs = list(answer.supported_contract_versions)
    highest = max(set(theirs) & set(CONTRACT_VERSIONS), default=0)
    require(bool(theirs), "It names no version in supported_contract_versions.", "Name all that it speaks.")
    require(
        answer.contract_version == highest,
        f"It answers with version {answer.contract_version}; it speaks {theirs}, and was offered "
        f"{[*CONTRACT_VERSIONS, _UNKNOWN]}.",
        "Answer with the highest that both speak.",
    )
    require(highest > 0, f"It speaks {theirs}; this gateway speaks {list(CONTRACT_VERSIONS)}.")
    return f"version {highest}"


@group.check(
    "negotiation.none-common",
    "Where there is no common contract version, answer with 0, and with all of yours.",
)
async def none_common(subject: Subject) -> str:
    answer = await subject.describe(_UNKNOWN)
    require(
        answer.contract_version == 0,
        f"Offered version {_UNKNOWN} alone, it answers with {answer.contract_version}.",
        "Answer 0 where no version is common.",
    )
    require(bool(answer.supported_contract_versions), "It does not say which versions would fit.")
    return "version 0, and what would fit"


@group.check("negotiation.unchanging", "What Describe says must not change while the process lives.")
async def unchanging(subject: Subject) -> str:
    first, second = await subject.describe(), await subject.describe()
    for field in ("manifest", "openapi_json", "descriptor_set", "instance_id", "supported_contract_versions"):
        same = getattr(first, field) == getattr(second, field)
        require(same, f"Asked twice, it answered with two kinds of {field}.")
    return "twice the same"


@group.check(
    "manifest.valid", "Describe answers before settings are known, with a manifest that makes sense."
)
async def valid(subject: Subject) -> str:
    manifest = await asyncio.to_thread(read_manifest, await subject.describe())
    require(
        is_version(manifest.version),
        f"Its version is {manifest.version!r:.100}, which is no semantic version.",
        "Write it as 1.2.3.",
    )
    return f"{manifest.plugin_id} {manifest.version}"


@group.check(
    "manifest.identity",
    "It is what was installed: the id and version of its release, and the instance it was started as.",
)
async def identity(subject: Subject) -> str:
    answer, place = await subject.describe(), subject.place
    said = answer.manifest
    for named, wanted, what in ((said.id, place.plugin, "id"), (said.version, place.version, "version")):
        require(
            wanted in ("", named),
            f"It says that its {what} is {named!r:.100}; its release's is {wanted!r}.",
            "Let plugway.toml (or the image's label) and the manifest say the same.",
        )
    started = subject.endpoint.instance_id if place.renewable else ""
    require(
        started in ("", answer.instance_id),
        f"It says that it is the instance {answer.instance_id!r:.100}; PLUGWAY_INSTANCE is {started!r}.",
        "Answer Describe with PLUGWAY_INSTANCE as instance_id.",
    )
    return f"{said.id} {said.version}"


@group.check("manifest.openapi", "openapi_json is OpenAPI 3.1 with paths from the plugin's own root.")
async def openapi(subject: Subject) -> str:
    document = subject.manifest.openapi
    if document is None:
        raise NotApplicable("it has no OpenAPI document")
    named = document.get("openapi")
    require(
        isinstance(named, str) and named.startswith("3.1"), f"It names version {named!r:.100}.", "Use 3.1."
    )
    paths = document.get("paths", {})
    if not isinstance(paths, dict):
        raise Broken("Its 'paths' is no object.")
    strange = [path for path in paths if not path.startswith("/")]
    require(not strange, f"It has the path {strange[:1]}, which does not begin with '/'.")
    return f"{len(paths)} paths"


@group.check(
    "manifest.services",
    "Services that clients may call come with descriptors, in Describe or by reflection.",
)
async def services(subject: Subject) -> str:
    if not subject.manifest.services:
        raise NotApplicable("it exports no typed services")
    client = PluginClient(subject.endpoint)
    try:
        found = (await client.describe()).manifest
    finally:
        await client.close()
    require(bool(found.descriptor_set), "It exports services, and describes none of them.")
    return ", ".join(found.services)


@group.check("permissions.granted", "It wants no more than its release was granted.")
async def granted(subject: Subject) -> str:
    if subject.place.granted is None:
        raise NotApplicable("nothing here gives it any permission")
    more = subject.manifest.permissions.exceeds(subject.place.granted)
    over = (*more.egress, *more.volumes, *more.origins)
    require(
        not over,
        f"Its manifest wants {', '.join(over):.300}, which its release was not granted.",
        "Name it in plugway.toml (or the image's label) too: that is what operators agree to.",
    )
    held = subject.manifest.permissions
    return ", ".join((*held.egress, *held.volumes, *held.origins)) or "it wants nothing"


@group.check(
    "permissions.readable",
    "Egress is host:port, or settings:/pointer to a setting; volumes are names.",
)
async def readable(subject: Subject) -> str:
    held = subject.manifest.permissions
    for egress in held.egress:
        require(
            EGRESS.fullmatch(egress) is not None, f"It wants to reach {egress!r:.200}, which nobody can read."
        )
        _leads_somewhere(subject, egress)
    for name in held.volumes:
        require(VOLUME_NAME.fullmatch(name) is not None, f"{name!r:.200} is no name of a volume.")
    return f"{len(held.egress) + len(held.volumes) + len(held.origins)} permissions"


def _leads_somewhere(subject: Subject, egress: str) -> None:
    """To a setting that the schema knows, as far as its first step tells."""
    if not egress.startswith("settings:/"):
        return
    schema = subject.manifest.settings_schema
    if schema is None:
        raise Broken(f"It wants {egress}, and has no settings.")
    first = egress.removeprefix("settings:/").split("/")[0].replace("~1", "/").replace("~0", "~")
    properties = schema.get("properties", {})
    require(
        first in properties or first == "*" or "properties" not in schema,
        f"It wants {egress}, and has no setting {first!r:.100}.",
        "Correct the pointer.",
    )
