"""All that the typed services of one release answer over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gateway.contract.descriptors import Descriptors
from gateway.proxy.typed.binding import Binding
from gateway.proxy.typed.mapping import Mapper
from gateway.proxy.typed.match import TakenTwice, Tree
from gateway.proxy.typed.template import BadTemplate, parse

if TYPE_CHECKING:
    from google.api.http_pb2 import HttpRule
    from google.protobuf.descriptor import MethodDescriptor

_log = logging.getLogger(__name__)


class TypedApi:
    """Made from a descriptor set; raises ``GarbageAnswer``. Not for an event loop: it may take long.

    An annotation that does not hold is left out, with a warning: the other methods are none the worse.
    """

    def __init__(self, descriptor_set: bytes, services: Sequence[str]) -> None:
        # Registers the extension, without which the annotations are unknown fields.
        from google.api import annotations_pb2

        self.descriptors = Descriptors(descriptor_set)
        self.services = tuple(services)
        self.tree: Tree[Binding] = Tree()
        self.bindings: list[Binding] = []
        # By the path of gRPC: the JSON paths of each method, and whether client and plugin stream.
        self.bound: dict[bytes, list[Binding]] = {}
        self.methods: dict[bytes, tuple[bool, bool]] = {}
        mapper = Mapper(self.descriptors.pool)
        self.show_any = mapper.any
        for name in services:
            service = self.descriptors.service(name)
            for said in self.descriptors.definition(service).method:
                streams = said.client_streaming, said.server_streaming
                self.methods[f"/{name}/{said.name}".encode()] = streams
                if not said.options.HasExtension(annotations_pb2.http):
                    continue
                for rule in _rules(said.options.Extensions[annotations_pb2.http]):
                    try:
                        self._bind(service.methods_by_name[said.name], rule, mapper)
                    except (BadTemplate, TakenTwice) as error:
                        _log.warning("%s/%s is not bound to HTTP: %s", name, said.name, error)

    def _bind(self, method: MethodDescriptor, rule: HttpRule, mapper: Mapper) -> None:
        kind = rule.WhichOneof("pattern")
        if kind is None:
            raise BadTemplate("its annotation names no path")
        http_method, text = kind.upper(), getattr(rule, kind)
        if kind == "custom":
            http_method, text = rule.custom.kind.upper(), rule.custom.path
        binding = Binding(
            method,
            http_method,
            parse(text),
            mapper,
            body=rule.body,
            response_body=rule.response_body,
            text=text,
        )
        self.tree.add(http_method, binding.template, binding)
        self.bindings.append(binding)
        self.bound.setdefault(binding.path.encode(), []).append(binding)
        if http_method == "GET" and not binding.server_streaming:
            self.tree.add("HEAD", binding.template, binding)


def _rules(rule: HttpRule) -> Iterator[HttpRule]:
    yield rule
    yield from rule.additional_bindings
