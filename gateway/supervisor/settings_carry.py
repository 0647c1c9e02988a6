"""What of settings in an earlier form has a place in the form of today: the same name, and a value that fits.

It fills in the form in which they are saved anew. What a plugin's own migration makes of them, the gateway
never sees. Pure. As a schema may be hostile, only kinds and fixed choices are compared: no expression of it
is run, and no part of it judged twice, which jsonschema would do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.registry.records import PluginSettings
from gateway.supervisor.settings_places import (
    Json,
    Schema,
    all_forms,
    escape,
    is_schema,
    is_secret,
    parts_of,
    property_forms,
    put_together,
    referred,
    step,
)


@dataclass(frozen=True, slots=True)
class Left:
    """A setting without a place, at this JSON Pointer of the earlier form; a secret's value is never told."""

    pointer: str
    value: Json = None
    secret: bool = False


@dataclass(slots=True)
class Carried:
    """What has a place, secrets by JSON Pointer apart; and what has none."""

    values: dict[str, Json] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)


def carry(schema: Schema, settings: PluginSettings) -> Carried:
    """Compare them with the form of today. A plain text whose place is a secret's now becomes one."""
    carrying = _Carrying(schema, settings)
    carrying.found.values = carrying.members(put_together(settings), [schema], "")
    return carrying.found


_NOTHING: Any = object()


class _Carrying:
    def __init__(self, schema: Schema, settings: PluginSettings) -> None:
        self._root = schema
        self._settings = settings
        self.found = Carried()

    def members(self, value: dict[str, Json], forms: list[Schema], pointer: str) -> dict[str, Json]:
        whole = {"allOf": forms}
        kept = {}
        for name, item in value.items():
            below = f"{pointer}/{escape(name)}"
            carried = self._one(item, list(property_forms(self._root, whole, name)), below)
            if carried is not _NOTHING:
                kept[name] = carried
        return kept

    def _one(self, value: Json, forms: list[Schema], pointer: str) -> Json:
        stored = pointer in self._settings.secrets
        if forms and is_secret(self._root, forms):
            if isinstance(value, str):
                self.found.secrets[pointer] = value
            elif value is not None:
                self.found.left.append(Left(pointer, secret=True))
            return _NOTHING
        if not forms or stored:
            return self._leave(pointer)
        whole = {"allOf": forms}
        if isinstance(value, dict) and self._has_members(whole):
            return self.members(value, forms, pointer)
        if isinstance(value, list) and _fits(self._root, whole, value):
            return self._items(value, whole, pointer)
        if self._holds_secrets(pointer) or not _fits(self._root, whole, value):
            return self._leave(pointer)
        return value

    def _items(self, value: list[Json], whole: Schema, pointer: str) -> Json:
        """Each or none: their place is their name, also of the secrets in them."""
        forms = [form["items"] for form in all_forms(self._root, whole) if is_schema(form.get("items"))]
        if not forms:
            return self._leave(pointer) if self._holds_secrets(pointer) else value
        before, self.found = self.found, Carried()
        items = [self._one(item, forms, f"{pointer}/{index}") for index, item in enumerate(value)]
        tried, self.found = self.found, before
        if any(item is _NOTHING for item in items):
            return self._leave(pointer)
        self.found.secrets.update(tried.secrets)
        self.found.left.extend(tried.left)
        return items

    def _leave(self, pointer: str) -> Json:
        plain: Json = self._settings.values
        for part in parts_of(pointer):
            plain = step(plain, part)
        if plain is not None and plain != {}:
            self.found.left.append(Left(pointer, plain))
        below = [secret for secret in self._settings.secrets if secret.startswith(f"{pointer}/")]
        stored = [pointer] if pointer in self._settings.secrets else below
        self.found.left.extend(Left(secret, secret=True) for secret in stored)
        return _NOTHING

    def _holds_secrets(self, pointer: str) -> bool:
        return any(secret.startswith(f"{pointer}/") for secret in self._settings.secrets)

    def _has_members(self, schema: Schema) -> bool:
        return any(
            form.get("properties")
            or form.get("patternProperties")
            or is_schema(form.get("additionalProperties"))
            for form in all_forms(self._root, schema)
        )


def _fits(root: Schema, schema: Schema, value: Json) -> bool:
    """Whether kind and choices allow the value itself, whatever is in it."""
    return _judge(root, schema, value, {})


def _judge(root: Schema, schema: Schema, value: Json, known: dict[int, bool]) -> bool:
    """``known`` holds what was judged already, so that references cost no more than the schema is long."""
    if id(schema) not in known:
        known[id(schema)] = True  # A form that refers to itself says nothing by that.
        known[id(schema)] = all(_conditions(root, schema, value, known))
    return known[id(schema)]


def _conditions(root: Schema, schema: Schema, value: Json, known: dict[int, bool]) -> Iterator[bool]:
    if "type" in schema:
        kinds = schema["type"]
        yield any(_is_a(value, kind) for kind in (kinds if isinstance(kinds, list) else [kinds]))
    if isinstance(schema.get("enum"), list):
        yield any(_same(value, choice) for choice in schema["enum"])
    if "const" in schema:
        yield _same(value, schema["const"])
    if (found := referred(root, schema)) is not None:
        yield _judge(root, found, value, known)
    yield all(_judge(root, each, value, known) for each in schema.get("allOf", ()) if is_schema(each))
    for word in ("anyOf", "oneOf"):
        choices = [each for each in schema.get(word, ()) if is_schema(each)]
        if choices:
            yield any(_judge(root, each, value, known) for each in choices)


def _is_a(value: Json, kind: Json) -> bool:
    # Imported here, as it takes long, and a start has no use for it.
    from jsonschema import Draft202012Validator

    return bool(Draft202012Validator.TYPE_CHECKER.is_type(value, kind))


def _same(one: Json, other: Json) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
