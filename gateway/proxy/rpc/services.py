"""Which plugin a service is of, and who may call a method. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

from gateway.model import Access
from gateway.proxy.paths import Rules
from gateway.proxy.prepared import PreparedRoute, PreparedTarget
from gateway.proxy.rpc.status import AmbiguousService, UnknownService
from gateway.proxy.typed.binding import Binding
from gateway.proxy.typed.template import Wildcard

log = logging.getLogger(__name__)

_RESERVED = ("plugway.", "grpc.health.", "grpc.reflection.")
_LEVELS = (Access.PUBLIC, Access.USER, Access.ADMIN)


class ServiceIndex:
    """The services of one routing table. Those of one name stand in the order of their plugins' installation.

    So a plugin that comes later cannot take a name over, and one that is disabled keeps its own.
    """

    def __init__(self, routes: Mapping[bytes, PreparedRoute]) -> None:
        self.exporters: dict[str, list[PreparedRoute]] = {}
        for prepared in sorted(routes.values(), key=lambda one: (one.route.installed, one.route.plugin_id)):
            for name in prepared.route.services:
                # Refused when a plugin describes itself; what is never passed on is said here once more.
                if not name.startswith(_RESERVED):
                    self.exporters.setdefault(name, []).append(prepared)

    def find(self, service: str, wanted: bytes) -> PreparedRoute:
        """``wanted`` is the id of a plugin that the client names, or empty.

        Raises :class:`UnknownService` and :class:`AmbiguousService`.
        """
        found = self.exporters.get(service, [])
        if wanted:
            found = [one for one in found if one.key == wanted]
        if not found:
            of = f"The plugin {wanted.decode('latin-1')[:63]}" if wanted else "No plugin here"
            raise UnknownService(f"{of} exports no service {service[:200]}.")
        if len(found) > 1 and found[0].route.installed == found[1].route.installed:
            names = ", ".join(one.route.plugin_id for one in found)
            raise AmbiguousService(
                f"{service} is exported by {names}.", hint="Name one in the metadata plugway-plugin."
            )
        return found[0]


def exporting(prepared: PreparedRoute, chosen: PreparedTarget | None, service: str) -> PreparedTarget | None:
    """``chosen``, or where that release lacks the service, the one with most of the traffic that has it."""
    if chosen is None or exports(chosen, service):
        return chosen
    able = [target for target in prepared.targets if exports(target, service)]
    return max(able, key=lambda target: target.weight, default=None)


def exports(target: PreparedTarget, service: str) -> bool:
    typed = target.target.typed
    return typed is not None and service in typed.names


def access(rules: Rules, path: bytes, bindings: Iterable[Binding]) -> Access:
    """Who may call the method at ``path``.

    A rule that names the service counts. Else the method needs what its JSON paths need, so that nobody
    gets around their rules: the strictest of all that a call could be for.
    """
    own = rules.access("POST", path)
    if not rules or rules.is_named("POST", path):
        return own
    bound = [rules.strictest(one.http_method, _shape(one)) for one in bindings]
    return max([own, *bound], key=_LEVELS.index)


def _shape(binding: Binding) -> list[bytes | None]:
    template = binding.template
    shape = [None if isinstance(one, Wildcard) else unquote_to_bytes(one) for one in template.segments]
    if template.verb and shape and shape[-1] is not None:
        shape[-1] += b":" + template.verb.encode()
    return shape
