"""What a release takes away, demands or wants beyond the one before. Pure.

Reads two manifests and returns findings in words, each a reason to hold a rollout until
someone agrees. Additions that old callers never notice are not findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.model import Access, Manifest, Permissions, RouteRule
from gateway.page_origins import page_origin_words

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# References that only lead to references; a document with more is malformed.
_REFERENCES = 12


def contract_findings(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """Reasons to ask before ``new`` takes over from ``old``; empty where callers keep what they had.

    May take long with a large document. What many routes share is told of at the first of them.
    """
    return (
        *permission_findings(old.permissions, new.permissions),
        *_routes(old.openapi or {}, new.openapi or {}),
        *_access(old.routes, new.routes),
        *(f"service {name} was removed" for name in sorted(set(old.services) - set(new.services))),
        *_settings(old, new),
    )


def permission_findings(old: Permissions, new: Permissions) -> tuple[str, ...]:
    """What ``new`` allows beyond ``old``, each a reason to ask before anything with it is started."""
    more = new.exceeds(old)
    return (
        *(f"new permission: may connect to {target}" for target in more.egress),
        *(f"new permission: keeps data in volume {name}" for name in more.volumes),
        *(f"new permission: its page may {page_origin_words(origin)}" for origin in more.origins),
    )


def _operations(document: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {
        (path, method): operation
        for path, item in document.get("paths", {}).items()
        for method, operation in item.items()
        if method in _METHODS
    }


def _routes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    after, documents = _operations(new), _Documents(old, new)
    for (path, method), before in sorted(_operations(old).items()):
        name = f"{method.upper()} {path}"
        if (path, method) not in after:
            yield f"route {name} was removed"
            continue
        now = after[path, method]
        yield from (f"route {name}: {text}" for text in _parameters(before, now))
        yield from (f"route {name}: {text}" for text in _bodies(before, now, documents))


def _parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before = {(p.get("in"), p.get("name")): p for p in old.get("parameters", ())}
    after = {(p.get("in"), p.get("name")): p for p in new.get("parameters", ())}
    for key, parameter in after.items():
        if parameter.get("required") and not before.get(key, {}).get("required"):
            yield f"parameter {key[1]} is required now"
    for key in before.keys() - after.keys():
        yield f"parameter {key[1]} was removed"


def _bodies(old: Mapping[str, Any], new: Mapping[str, Any], documents: _Documents) -> Iterator[str]:
    before, after = _json_schema(old.get("requestBody")), _json_schema(new.get("requestBody"))
    if after is not None and before is None and new.get("requestBody", {}).get("required"):
        yield "a request body is required now"
    if before is not None and after is not None:
        yield from _accepts_less(_Pair(before, after, documents, "request body"))
    for status, answer in old.get("responses", {}).items():
        if not status.startswith("2"):
            continue
        if status not in new.get("responses", {}):
            yield f"answer {status} was removed"
            continue
        promised, given = _json_schema(answer), _json_schema(new["responses"][status])
        if promised is not None:
            yield from _gives_less(_Pair(promised, given or {}, documents, f"answer {status}"))


def _json_schema(content: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    media = (content or {}).get("content", {})
    schema = media.get("application/json", {}).get("schema")
    return schema if isinstance(schema, Mapping) else None


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(_REFERENCES):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        target: Any = root
        for part in reference[2:].split("/"):
            target = target.get(part.replace("~1", "/").replace("~0", "~"), {})
        schema = target
    return schema


@dataclass(frozen=True, slots=True)
class _Documents:
    """Both, and the pairs of references that were compared already, for each way of comparing."""

    old: Mapping[str, Any]
    new: Mapping[str, Any]
    compared: set[tuple[str, str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Pair:
    """The same place in both documents; ``path`` holds the references followed, so that circles end."""

    old: Mapping[str, Any]
    new: Mapping[str, Any]
    documents: _Documents
    where: str
    path: frozenset[tuple[str, str]] = frozenset()

    def resolved(self, way: str) -> _Pair | None:
        """Both sides behind their references; None where this pair was compared this ``way`` before.

        Else a few schemas that refer to each other twice would be compared without end.
        """
        references = (str(self.old.get("$ref", "")), str(self.new.get("$ref", "")))
        if not any(references):
            return self
        if references in self.path or (way, *references) in self.documents.compared:
            return None
        if all(references):
            self.documents.compared.add((way, *references))
        old, new = _resolve(self.old, self.documents.old), _resolve(self.new, self.documents.new)
        return replace(self, old=old, new=new, path=self.path | {references})

    def inside(self, key: str, name: str, where: str) -> _Pair:
        return replace(self, old=self.old[key][name], new=self.new[key][name], where=where)


def _accepts_less(pair: _Pair) -> Iterator[str]:
    """What old callers send must still be taken."""
    at = pair.resolved("taken")
    if at is None:
        return
    before, after = _type(at.old), _type(at.new)
    if before and after and not set(before) <= set(after):
        yield f"{at.where} is {'/'.join(after)} now, was {'/'.join(before)}"
        return
    for name in sorted(set(at.new.get("required", ())) - set(at.old.get("required", ()))):
        yield f"{at.where}: {name} is required now"
    gone = [value for value in at.old.get("enum", ()) if "enum" in at.new and value not in at.new["enum"]]
    if gone:
        yield f"{at.where} no longer takes {', '.join(map(str, gone))}"
    closed = at.new.get("additionalProperties") is False
    for name in at.old.get("properties", {}):
        if name in at.new.get("properties", {}):
            yield from _accepts_less(at.inside("properties", name, f"{at.where}.{name}"))
        elif closed:
            yield f"{at.where}: {name} is refused now"


def _gives_less(pair: _Pair) -> Iterator[str]:
    """What old callers read must still be there."""
    at = pair.resolved("given")
    if at is None:
        return
    before, after = _type(at.old), _type(at.new)
    if before and after and not set(after) <= set(before):
        yield f"{at.where} is {'/'.join(after)} now, was {'/'.join(before)}"
        return
    for name in at.old.get("properties", {}):
        if name in at.new.get("properties", {}):
            yield from _gives_less(at.inside("properties", name, f"{at.where}.{name}"))
        else:
            yield f"{at.where}: {name} was removed"
    if isinstance(at.old.get("items"), Mapping) and isinstance(at.new.get("items"), Mapping):
        yield from _gives_less(replace(at, old=at.old["items"], new=at.new["items"], where=f"{at.where}[]"))


def _type(schema: Mapping[str, Any]) -> tuple[str, ...]:
    kind = schema.get("type")
    if isinstance(kind, str):
        return (kind,)
    return tuple(kind) if isinstance(kind, list) else ()


def _access(old: tuple[RouteRule, ...], new: tuple[RouteRule, ...]) -> Iterator[str]:
    def rules(of: tuple[RouteRule, ...]) -> dict[tuple[str, frozenset[str]], Access]:
        return {(rule.path_prefix, rule.methods): rule.access for rule in reversed(of)}

    before, after = rules(old), rules(new)
    for key in sorted(before.keys() | after.keys(), key=lambda k: (k[0], sorted(k[1]))):
        was, is_now = before.get(key, Access.USER), after.get(key, Access.USER)
        if was is not is_now:
            yield f"routes under {key[0]} need {is_now} now, {was} before"


def _settings(old: Manifest, new: Manifest) -> Iterator[str]:
    before, after = old.settings_schema, new.settings_schema
    if new.settings_reads_from > old.settings_version:
        yield f"it reads settings from version {new.settings_reads_from} on, these are {old.settings_version}"
    if before is None or after is None:
        return
    known = before.get("properties", {})
    yield from _accepts_less(_Pair(before, after, _Documents(before, after), "settings"))
    for name in sorted(known.keys() - after.get("properties", {}).keys()):
        yield f"setting {name} was removed"
