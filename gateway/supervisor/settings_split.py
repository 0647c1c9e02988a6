"""Settings as an operator writes them, taken apart into plain values and secrets. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from gateway.errors import BadInput
from gateway.registry.records import PluginSettings
from gateway.supervisor.settings_carry import carry
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
    step,
)

if TYPE_CHECKING:
    import jsonschema

_PLAIN = {
    "type": "must be of type {}",
    "enum": "must be one of {}",
    "const": "must be {}",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "must be at least {} long",
    "maxLength": "must be at most {} long",
    "pattern": "must match {}",
    "format": "must be a valid {}",
}


def take_apart(
    schema: Schema, values: Mapping[str, Json], old: PluginSettings, version: int
) -> PluginSettings:
    """The next settings: secrets (``writeOnly`` in the schema) go by JSON Pointer, apart.

    A secret that is left out keeps its old value, unless this form of the settings has no place for it;
    null forgets it. Raises :class:`BadInput` on a secret that is no text; others judge all else.
    """
    given: dict[str, str | None] = {}
    plain = _strip(schema, schema, dict(values), "", given)
    # Of the form before: one without a place in this form would be refused for ever.
    stored = old.secrets if version == old.schema_version else carry(schema, old).secrets
    kept = {
        pointer: secret
        for pointer, secret in stored.items()
        if pointer not in given and _has_parent(plain, pointer)
    }
    new = {pointer: secret for pointer, secret in given.items() if secret is not None}
    return PluginSettings(
        values=plain, secrets={**kept, **new}, schema_version=version, revision=old.revision + 1
    )


def find_errors(schema: Schema, settings: PluginSettings) -> dict[str, str]:
    """Reasons by JSON Pointer, for a plugin that cannot judge itself now. Never holds a value."""
    # Imported here, as it takes long, and a start has no use for it.
    import jsonschema

    document = put_together(settings)
    validator = jsonschema.Draft202012Validator(dict(schema))
    errors: dict[str, str] = {}
    for error in validator.iter_errors(document):
        base = "".join(f"/{escape(str(part))}" for part in error.absolute_path)
        for pointer, reason in _reasons(error):
            errors.setdefault(base + pointer, reason)
    return errors


def _strip(root: Schema, schema: Schema, value: Json, pointer: str, secrets: dict[str, str | None]) -> Json:
    if isinstance(value, dict):
        kept = {}
        for name, item in value.items():
            below = f"{pointer}/{escape(name)}"
            forms = list(property_forms(root, schema, name))
            if is_secret(root, forms):
                secrets[below] = _text(item, below)
            else:
                kept[name] = _strip(root, {"allOf": forms}, item, below, secrets)
        return kept
    if isinstance(value, list):
        items = {"allOf": [form["items"] for form in all_forms(root, schema) if is_schema(form.get("items"))]}
        return [_strip(root, items, item, f"{pointer}/{index}", secrets) for index, item in enumerate(value)]
    return value


def _text(secret: Json, pointer: str) -> str | None:
    if secret is None or isinstance(secret, str):
        return secret
    raise BadInput("A secret is text.", fields={pointer: "must be text"})


def _has_parent(values: Json, pointer: str) -> bool:
    place = values
    for part in parts_of(pointer)[:-1]:
        place = step(place, part)
    return isinstance(place, dict | list)


def _reasons(error: jsonschema.ValidationError) -> Iterator[tuple[str, str]]:
    """jsonschema's own messages quote the value, which may be a secret."""
    # jsonschema types these as perhaps unset, which they are not in an error it found.
    word, limit = str(error.validator), cast(Any, error.validator_value)
    instance, shape = cast(Any, error.instance), cast(Any, error.schema)
    if word == "required":
        for name in (name for name in limit if name not in instance):
            yield f"/{escape(name)}", "is required"
    elif word == "additionalProperties" and isinstance(instance, Mapping):
        for name in instance.keys() - shape.get("properties", {}).keys():
            yield f"/{escape(name)}", "unknown field"
    elif word in _PLAIN:
        shown = " or ".join(map(str, limit)) if isinstance(limit, list) else limit
        yield "", _PLAIN[word].format(shown)
    else:
        yield "", f"does not hold to '{word}' of the schema"
