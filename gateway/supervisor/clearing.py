"""Recorded calls without what must not be kept: secret settings, tokens, passwords. Pure.

What is secret by its name, or is the value of a secret setting, becomes ``[cleared]``; the answer's
structure stays. What is not text and holds a secret is not kept at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from gateway.registry.recordings import CLEARED, RecordedBody, RecordedCall

Json = Any

_NAMES = re.compile(
    r"(?:.*_)?(?:password|passwd|passphrase|secret|secret_key|secrets|api_?key|private_key|credentials?"
    r"|authorization|cookie|signature|sig|jwt|otp|(?:access|refresh|id|auth|bearer|session|csrf|xsrf|security)_token)"
    r"|(?:x_)?token"
)
# Tokens: a gateway's own, any JSON Web Token such as proves to a plugin who calls, and credentials of HTTP.
_TOKENS = (
    r"plugway_(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{43}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}|(?<=Basic )[A-Za-z0-9+/]{8,}={0,2}"
)
_TELLING = 4
"""Characters from which on a secret's value is looked for inside of other text; shorter ones are words."""

_FORM = "application/x-www-form-urlencoded"


class Clearing:
    """Clears calls of one plugin; ``secrets`` are the values of its settings that are marked as such."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._values = frozenset(secret for secret in secrets if secret)
        forms = {form for value in self._values if len(value) >= _TELLING for form in _forms(value)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join([*map(re.escape, longest_first), _TOKENS]))

    def line(self, call: RecordedCall) -> dict[str, Json]:
        """The call as a line of a recording; docs/record.md has the format."""
        cleared: list[str] = []

        def noted(what: str, before: object, after: object) -> None:
            if before != after:
                cleared.append(what)

        path, query = call.path.decode("latin-1"), call.query.decode("latin-1")
        clear_path, clear_query = self._text(path), self._query(query)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in call.headers]
        clear_headers = self._headers(headers)
        noted("path", path, clear_path)
        noted("query", query, clear_query)
        noted("headers", headers, clear_headers)
        body = self._body(call.body, _kind(headers), lambda: cleared.append("body"))
        answered = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in call.answer_headers]
        answer = self._body(call.answer, _kind(answered), lambda: cleared.append("answer"))
        return {
            "at": round(call.at, 3),
            "took": round(call.took, 4),
            "user": call.user,
            "role": call.role,
            "release": call.release,
            "request": {
                "method": call.method, "path": clear_path, "query": clear_query,
                "headers": clear_headers, "body": body,
            },
            "answer": {"status": call.status, "headers": self._headers(answered), "body": answer},
            **({"broken": call.broken} if call.broken else {}),
            **({"cleared": cleared} if cleared else {}),
        }  # fmt: skip

    def _text(self, text: str) -> str:
        return self._pattern.sub(CLEARED, text)

    def _query(self, query: str) -> str:
        pairs = parse_qsl(query, keep_blank_values=True)
        clear = [(name, self._leaf(name, value)) for name, value in pairs]
        return self._text(query if clear == pairs else urlencode(clear, safe="[]"))

    def _headers(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(name, self._text(self._leaf(name, value))) for name, value in headers]

    def _leaf(self, name: str, value: str) -> str:
        return CLEARED if value and (value in self._values or is_secret(name)) else value

    def _body(self, body: RecordedBody, kind: str, note: Callable[[], None]) -> dict[str, Json]:
        content = body.content
        if not content:
            empty = {"text": ""} if content is not None else {}
            return {"size": body.size, "sha256": body.sha256, **empty}
        try:
            text = content.decode()
        except UnicodeDecodeError:
            if any(value.encode() in content for value in self._values if len(value) >= _TELLING):
                note()
                return {"size": body.size, "sha256": ""}
            return {"size": body.size, "sha256": body.sha256, "base64": base64.b64encode(content).decode()}
        clear = self._text(self._by_name(text, kind))
        if clear == text:
            return {"size": body.size, "sha256": body.sha256, "text": text}
        note()
        data = clear.encode()
        return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "text": clear}

    def _by_name(self, text: str, kind: str) -> str:
        if kind == _FORM:
            return self._query(text)
        if text.lstrip()[:1] not in ("{", "["):
            return CLEARED if text in self._values else text
        try:
            document = json.loads(text)
            clear = self._walk("", document)
        except (ValueError, RecursionError):
            return text
        return text if clear == document else json.dumps(clear)

    def _walk(self, name: str, value: Json) -> Json:
        if isinstance(value, dict):
            return {key: self._walk(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._walk(name, item) for item in value]
        return self._leaf(name, value) if isinstance(value, str) else value


def is_secret(name: str) -> bool:
    """Whether a field, parameter or header of this name holds a secret."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return _NAMES.fullmatch(re.sub(r"[^a-z0-9]+", "_", words)) is not None


def _forms(value: str) -> Iterator[str]:
    """The ways in which a text may be written down."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    for quoted in (quote(value), quote(value, safe=""), quote_plus(value)):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        padded = encode(value.encode()).decode()
        yield padded
        yield padded.rstrip("=")


def _kind(headers: Iterable[tuple[str, str]]) -> str:
    kinds = (value for name, value in headers if name == "content-type")
    return next(kinds, "").partition(";")[0].strip().lower()
