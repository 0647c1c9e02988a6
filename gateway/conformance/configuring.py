"""Checks of settings: taken, refused in words, judged without being taken, and never told to anybody."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from plugway.plugin.v1 import plugin_pb2

from gateway.conformance.check import Broken, Group, NotApplicable, NotTried, require
from gateway.conformance.opening import prepare, take_settings, waits
from gateway.conformance.subject import UNKNOWN, Subject
from gateway.registry.records import PluginSettings
from gateway.supervisor.settings_places import escape
from gateway.supervisor.settings_split import find_errors, take_apart

group = Group()
_WRONG: tuple[Any, ...] = ([], {}, "plugway-check", -1, 1.5, True, [[]])


@group.check(
    "settings.awaited",
    "A call that needs settings which nobody gave yet is answered with 503 and a problem whose reason is "
    "not-configured.",
)
async def awaited(subject: Subject) -> str:
    if not await asyncio.to_thread(find_errors, subject.schema, PluginSettings()):
        raise NotApplicable("it needs none to begin with")
    if not subject.place.renewable:
        raise NotTried("nobody knows what this one was given before")
    answer = await subject.handle(subject.usual())
    await subject.give_up(answer.continuation)
    told = _problem(answer.body)
    require(
        answer.response.status == 503 and told.get("reason") == "not-configured",
        f"Without settings it answers a call with {answer.response.status} and the reason "
        f"{told.get('reason')!r:.100}.",
        'Answer 503 with {"reason": "not-configured"} as application/problem+json.',
    )
    return "503 not-configured"


def _problem(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


@group.check("settings.dry-run", "dry_run: judge, take nothing.")
async def dry_run(subject: Subject) -> str:
    schema, settings = subject.schema, await subject.settings()
    waited = subject.place.renewable and await waits(subject)
    pointer, wrong = await asyncio.to_thread(_wrong, schema, settings)
    good = await subject.configure(settings, dry_run=True)
    bad = await subject.configure(wrong, dry_run=True)
    require(
        not bad.accepted, f"In a dry run it accepts what its own schema refuses at {pointer}.", "Judge it."
    )
    if waited and not await waits(subject):
        raise Broken(
            "It waited for settings, and took those of a dry run.", "Take nothing where dry_run is set."
        )
    if not good.accepted and (settings.values or settings.secrets):
        raise Broken(f"In a dry run it refuses the settings that were given ({_reasons(good)}).")
    return "refused what is wrong" + (", took nothing" if waited else "")


@group.check(
    "settings.schema-version",
    "schema_version lies outside of reads_from to version: refuse.",
)
async def schema_version(subject: Subject) -> str:
    manifest, settings = subject.manifest, await subject.settings()
    if manifest.settings_schema is None:
        raise NotApplicable("it has no settings")
    outside = [manifest.settings_version + 1]
    if manifest.settings_reads_from > 1:
        outside.append(manifest.settings_reads_from - 1)
    for number in outside:
        answer = await subject.configure(settings, dry_run=True, schema_version=number)
        require(
            not answer.accepted,
            f"It takes settings of schema version {number}; it reads {manifest.settings_reads_from} to "
            f"{manifest.settings_version}.",
            "Refuse them: nobody knows what they mean.",
        )
    return f"refused version {' and '.join(map(str, outside))}"


@group.check("settings.taken", "Configure comes before the first call; settings that hold are taken.")
async def taken(subject: Subject) -> str:
    seen = await take_settings(subject)
    await prepare(subject)
    return seen


@group.check("settings.repeated", "The same revision again with the same content: accept, do nothing.")
async def repeated(subject: Subject) -> str:
    if subject.manifest.settings_schema is None:
        raise NotApplicable("it has no settings")
    if not subject.configured:
        raise NotTried("it has no settings that it takes: give some (--settings FILE)")
    answer = await subject.configure(await subject.settings())
    require(answer.accepted, f"Given the same once more, it refuses ({_reasons(answer)}).")
    return "accepted again"


@group.check(
    "settings.refused",
    "Refused: not accepted, one FieldError for each field, and the old settings stay in force wholly.",
)
async def refused(subject: Subject) -> str:
    pointer, wrong = await asyncio.to_thread(_wrong, subject.schema, await subject.settings())
    before = await _status(subject)
    subject.revision += 1
    try:
        return await _refusal(subject, pointer, wrong, before)
    finally:
        # Whatever it has made of them, the checks to come find it as it was.
        subject.revision += 1
        if subject.configured and subject.plan.configure:
            await subject.configure(await subject.settings())


async def _refusal(subject: Subject, pointer: str, wrong: PluginSettings, before: int) -> str:
    answer = await subject.configure(wrong)
    require(
        not answer.accepted, f"It takes what its own schema refuses at {pointer}.", "Judge all of it first."
    )
    fields = [error.field for error in answer.errors]
    require(
        any(field == pointer or field.startswith(f"{pointer}/") for field in fields),
        f"It refuses, and names the fields {fields!r:.200}; wrong was {pointer}.",
        "Answer with a FieldError whose field is the JSON Pointer.",
    )
    require(all(error.message for error in answer.errors), "It refuses a field without a word.")
    after = await _status(subject)
    require(
        before == after,
        f"A call was answered with {before}; after settings were refused, with {after}.",
        "Leave the old settings in force until the new ones are judged.",
    )
    return f"{pointer}: {answer.errors[0].message:.100}"


async def _status(subject: Subject) -> int:
    answer = await subject.handle(subject.usual())
    await subject.give_up(answer.continuation)
    return int(answer.response.status)


@group.check("settings.secrets", "No secret in a reason.")
async def no_secret_told(subject: Subject) -> str:
    schema, settings = subject.schema, await subject.settings()
    names = await asyncio.to_thread(_secret_names, schema)
    if not names:
        raise NotApplicable("no setting at its top level is a secret")
    canary = f"plugway-check-{secrets.token_hex(8)}"
    subject.shared.canaries.append(canary)
    pointer, wrong = await asyncio.to_thread(_wrong, schema, settings)
    given = replace(wrong, secrets={**wrong.secrets, **{f"/{escape(name)}": canary for name in names}})
    answer = await subject.configure(given, dry_run=True)
    told = [error.field for error in answer.errors if canary in error.message or canary in error.field]
    require(not told, f"What it says about {told!r:.200} repeats a secret.", "Leave values out of reasons.")
    return f"kept {', '.join(names)} to itself, with {pointer} refused"


@group.check("garbage.settings", "settings_json is one JSON object; anything else is refused.")
async def garbage(subject: Subject) -> str:
    subject.schema  # noqa: B018 - not applicable without
    settings = await subject.settings()
    for text in ("[]", "{", '"text"', "\x00"):
        call = subject.configure(settings, dry_run=True, text=text)
        answer: plugin_pb2.ConfigureResponse | None = None

        async def ask(call: Any = call) -> None:
            nonlocal answer
            answer = await call

        await subject.refused(ask())
        require(answer is None or not answer.accepted, f"It accepts {text!r} as settings.", "Refuse it.")
    return "refused"


def _wrong(schema: Mapping[str, Any], settings: PluginSettings) -> tuple[str, PluginSettings]:
    """The settings with one value that the schema refuses, and its pointer. No secret is touched."""
    hidden = set(_secret_names(schema))
    known = set(find_errors(schema, settings))
    for name in (*(name for name in schema.get("properties", {}) if name not in hidden), UNKNOWN):
        pointer = f"/{escape(name)}"
        for value in _WRONG:
            tried = replace(settings, values={**settings.values, name: value})
            if pointer in set(find_errors(schema, tried)) - known:
                return pointer, tried
    raise NotApplicable("its schema refuses nothing that can be made up here")


def _secret_names(schema: Mapping[str, Any]) -> list[str]:
    """Settings at the top level that travel apart."""
    names = schema.get("properties", {})
    return [name for name in names if take_apart(schema, {name: ""}, PluginSettings(), 1).secrets]


def _reasons(answer: plugin_pb2.ConfigureResponse) -> str:
    return "; ".join(f"{one.field or '/'}: {one.message}" for one in answer.errors) or "no reason given"
