"""Settings as an operator writes them, taken apart into plain values and secrets. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from gateway.errors import BadInput
from gateway.registry.records import PluginSettings

if TYPE_CHECKING:
    import jsonschema

Json = Any
Schema = Mapping[str, Any]

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
    null forgets it. Raises :class:`BadInput`
    on a secret that is no text; all else is left to others to judge.
    """
    given: dict[str, str | None] = {}
    plain = _strip(schema, schema, dict(values), "", given)
    kept = {
        pointer: secret
        for pointer, secret in old.secrets.items()
        if pointer not in given
        and _has_parent(plain, pointer)
        # Of the form before: one without a place in this form would be refused for ever.
        and (version == old.schema_version or _is_secret(schema, pointer))
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


def put_together(settings: PluginSettings) -> dict[str, Json]:
    """The settings as the plugin sees them, secrets in place."""
    document: dict[str, Json] = _copy(dict(settings.values))
    for pointer, secret in settings.secrets.items():
        *parents, last = _parts(pointer)
        place: Json = document
        for part in parents:
            place = _step(place, part)
        if isinstance(place, dict):
            place[last] = secret
        elif isinstance(place, list) and last.isdigit() and int(last) < len(place):
            place[int(last)] = secret
    return document


def escape(part: str) -> str:
    """One part of a JSON Pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")


def _strip(root: Schema, schema: Schema, value: Json, pointer: str, secrets: dict[str, str | None]) -> Json:
    if isinstance(value, dict):
        kept = {}
        for name, item in value.items():
            below = f"{pointer}/{escape(name)}"
            forms = list(_property(root, schema, name))
            if _secret(root, forms):
                secrets[below] = _text(item, below)
            else:
                kept[name] = _strip(root, {"allOf": forms}, item, below, secrets)
        return kept
    if isinstance(value, list):
        items = {"allOf": [form["items"] for form in _forms(root, schema) if _is_schema(form.get("items"))]}
        return [_strip(root, items, item, f"{pointer}/{index}", secrets) for index, item in enumerate(value)]
    return value


def _text(secret: Json, pointer: str) -> str | None:
    if secret is None or isinstance(secret, str):
        return secret
    raise BadInput("A secret is text.", fields={pointer: "must be text"})


def _property(root: Schema, schema: Schema, name: str) -> Iterator[Schema]:
    for form in _forms(root, schema):
        known = form.get("properties", {})
        found = known.get(name, form.get("additionalProperties"))
        # A plugin's expressions are not run here: each may be meant, and a secret too many does no harm.
        for each in (found, *form.get("patternProperties", {}).values()):
            if _is_schema(each):
                yield each


def _secret(root: Schema, forms: list[Schema]) -> bool:
    return any(form.get("writeOnly") is True for schema in forms for form in _forms(root, schema))


def _is_secret(root: Schema, pointer: str) -> bool:
    """Whether the schema has a secret at this place."""
    forms: list[Schema] = [root]
    for part in _parts(pointer):
        members = [member for form in forms for member in _property(root, form, part)]
        items = [
            form["items"] for one in forms for form in _forms(root, one) if _is_schema(form.get("items"))
        ]
        forms = members + (items if part.isdigit() else [])
    return _secret(root, forms)


def _forms(root: Schema, schema: Schema, seen: set[int] | None = None) -> Iterator[Schema]:
    """The schema, and every one that it refers to or is put together from, each once."""
    seen = set() if seen is None else seen
    if id(schema) in seen:
        return
    seen.add(id(schema))
    yield schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        found: Json = root
        for part in _parts(reference[1:]):
            found = _step(found, part)
        if _is_schema(found):
            yield from _forms(root, found, seen)
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word, ()):
            if _is_schema(part):
                yield from _forms(root, part, seen)


def _is_schema(value: Json) -> bool:
    return isinstance(value, Mapping)


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _step(place: Json, part: str) -> Json:
    if isinstance(place, Mapping):
        return place.get(part)
    if isinstance(place, list) and part.isdigit() and int(part) < len(place):
        return place[int(part)]
    return None


def _has_parent(values: Json, pointer: str) -> bool:
    place = values
    for part in _parts(pointer)[:-1]:
        place = _step(place, part)
    return isinstance(place, dict | list)


def _copy(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


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
