"""JSON read so that two readers cannot understand it differently."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Form = TypeVar("Form", bound=BaseModel)


class NotStrictJson(ValueError):
    """The bytes are no JSON object with one meaning; the text says why."""


def read_object(data: bytes, *, limit: int) -> dict[str, Any]:
    """The JSON object in ``data``; raises :class:`NotStrictJson` and nothing else.

    Refused beside malformed JSON: more than ``limit`` bytes, a name twice in one object, NaN and
    infinities, lone surrogates, anything but an object, nesting too deep to be read.
    """
    if len(data) > limit:
        raise NotStrictJson(f"it has more than {limit} bytes")
    try:
        text = data.decode()
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant)
        # Lone surrogates come in by \u escapes only, so the decoding above does not see them.
        json.dumps(document, ensure_ascii=False).encode()
    except NotStrictJson:
        raise
    except UnicodeError:
        raise NotStrictJson("it is not UTF-8") from None
    except RecursionError:
        raise NotStrictJson("it is nested too deeply") from None
    except ValueError as error:
        raise NotStrictJson(f"it is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise NotStrictJson("it is not a JSON object")
    return document


def read_form(form: type[Form], data: bytes, *, limit: int) -> Form:
    """The JSON object in ``data`` as ``form`` has it; raises :class:`NotStrictJson` and nothing else.

    Of several faults the first is told, with a JSON Pointer to it.
    """
    try:
        return form.model_validate(read_object(data, limit=limit))
    except ValidationError as error:
        issue = error.errors(include_url=False, include_input=False)[0]
        where = "/" + "/".join(str(part) for part in issue["loc"])
        raise NotStrictJson(f"{where}: {issue['msg']}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrictJson("a name stands twice in one object")
    return found


def _constant(text: str) -> Any:
    raise NotStrictJson(f"{text} is not JSON")
