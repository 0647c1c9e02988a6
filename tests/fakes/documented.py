"""Holds every answer of an API against its OpenAPI document."""

from __future__ import annotations

import re
from typing import Any

import httpx
from jsonschema import Draft202012Validator


class Documented:
    """An httpx response hook that fails where an answer is not what the document says."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._paths = [
            (re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(path))), item)
            for path, item in document["paths"].items()
        ]

    async def __call__(self, answer: httpx.Response) -> None:
        operation = self._operation(answer.request)
        if operation is None:
            return
        await answer.aread()
        where = f"{answer.request.method} {answer.request.url.path} {answer.status_code}"
        described = operation["responses"].get(str(answer.status_code))
        assert described is not None, f"{where} is not documented"
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        content = described.get("content", {})
        assert bool(answer.content) == bool(content), f"{where}: {media_type} is not documented"
        if media_type in ("application/json", "application/problem+json") and answer.content:
            assert media_type in content, f"{where}: {media_type} is not documented"
            schema = {**content[media_type]["schema"], "components": self._document["components"]}
            Draft202012Validator(schema).validate(answer.json())

    def _operation(self, request: httpx.Request) -> dict[str, Any] | None:
        for pattern, item in self._paths:
            if pattern.fullmatch(request.url.path) and request.method.lower() in item:
                found: dict[str, Any] = item[request.method.lower()]
                return found
        return None
