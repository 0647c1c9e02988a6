"""The files of a page that is one ES module, the same for those who sign it and those who fetch it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

ENTRY = "index.js"
_COMPONENT = "component.js"
# An identifier of ECMAScript, without its rarer letters.
_EXPORT = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,99}")


def is_export(name: str) -> bool:
    """Whether a module may export something under that name."""
    return _EXPORT.fullmatch(name) is not None


def module_files(content: bytes, export: str = "") -> dict[str, bytes]:
    """By path, what was fetched first; ``export`` names what becomes the page where it is not the default."""
    if export in ("", "default"):
        return {ENTRY: content}
    entry = f'export * from "./{_COMPONENT}";\nexport {{ {export} as default }} from "./{_COMPONENT}";\n'
    return {_COMPONENT: content, ENTRY: entry.encode()}


def module_subjects(files: Mapping[str, bytes]) -> dict[str, str]:
    """The files as statements list them (:mod:`gateway.trust.subjects`)."""
    return {f"ui/{name}": f"sha256:{hashlib.sha256(data).hexdigest()}" for name, data in files.items()}


def fetched(subjects: Mapping[str, str]) -> tuple[str, str]:
    """Name and digest of what came from elsewhere: of two files the gateway has made the other one."""
    name = f"ui/{_COMPONENT}" if f"ui/{_COMPONENT}" in subjects else next(iter(subjects))
    return name, subjects[name]
