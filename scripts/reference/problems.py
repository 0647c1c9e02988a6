"""Every kind of problem document, from the errors of the gateway."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import gateway
from gateway.errors import PlugwayError
from scripts.reference.text import code, one_line, table

_HEAD = """# Problems

Every error is an RFC 9457 problem document (`application/problem+json`):

| field | is |
| --- | --- |
| `type` | `urn:plugway:problem:` and a key of the list below; it never changes its meaning |
| `status` | the HTTP status |
| `detail` | what went wrong this time |
| `hint` | what to do about it |
| `reason` | why a plugin is not available, or [which rule refused](../trust.md#when-a-release-is-refused) |
| `errors` | what is wrong, field by field |

Errors of [typed services](../typed.md) are `rpc-` and gRPC's code. An answer of the web server itself,
such as 405, is its phrase in lower case.

"""


def problems_page() -> str:
    rows: dict[tuple[str, int], tuple[str, ...]] = {}
    for kind in _kinds(PlugwayError):
        about = one_line(inspect.cleandoc(kind.__dict__.get("__doc__") or "").split("\n\n")[0])
        # A sentence that leads to a list which is left out here.
        about = re.sub(r"(^| )[^.]*:$", "", about)
        rows.setdefault((kind.key, kind.status), (code(kind.key), str(kind.status), kind.title, about))
    return _HEAD + table(("key", "status", "title", "when"), [rows[key] for key in sorted(rows)])


def _kinds(base: type[PlugwayError]) -> Iterator[type[PlugwayError]]:
    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        importlib.import_module(module.name)
    found = [base]
    while found:
        kind = found.pop(0)
        found += kind.__subclasses__()
        if kind.__module__.startswith("gateway."):
            yield kind
