"""Typed services: servicers of the author's, found, wrapped and described."""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from plugway.plugin.v1 import http_pb2

from plugway_sdk.context import current_message
from plugway_sdk.errors import NotConfigured, PluginMisdefined

if TYPE_CHECKING:
    from plugway_sdk.app_host import AppHost

log = logging.getLogger("plugway_sdk")

CONTEXT = "plugway-context-bin"
"""Metadata in which a gateway says who calls: a ``CallContext``."""

_REFUSED = (("plugway-refused", "draining"),)


@dataclass(frozen=True, slots=True)
class Exported:
    """One service: its full name, its handlers by method, and the class that was generated for it."""

    name: str
    handlers: Mapping[str, Any]
    base: type


def exported(servicers: Sequence[object]) -> list[Exported]:
    """What ``add_XServicer_to_server`` of the generated code would add; raises PluginMisdefined."""
    return [_exported(servicer) for servicer in servicers]


def _exported(servicer: object) -> Exported:
    for base in type(servicer).__mro__:
        add = getattr(sys.modules.get(base.__module__), f"add_{base.__name__}_to_server", None)
        if add is not None:
            recorder = _Recorder()
            add(servicer, recorder)
            if recorder.added is None:
                raise PluginMisdefined("stubs made by a grpcio-tools that is too old: make them anew")
            name, handlers = recorder.added
            return Exported(name, handlers, base)
    raise PluginMisdefined(
        f"{type(servicer).__name__} is no servicer: derive it from the one in a generated _pb2_grpc module"
    )


class _Recorder:
    """Stands where a server would, and keeps what is added to it."""

    def __init__(self) -> None:
        self.added: tuple[str, Mapping[str, Any]] | None = None

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """The same handlers in another shape."""

    def add_registered_method_handlers(self, name: str, handlers: Mapping[str, Any]) -> None:
        self.added = (name, handlers)


def descriptor_set(services: Sequence[Exported]) -> bytes:
    """A ``FileDescriptorSet`` of the services and all that they need; empty where there are none."""
    from google.protobuf import descriptor_pb2, descriptor_pool

    files: dict[str, Any] = {}

    def add(file: Any) -> None:
        if file.name not in files:
            files[file.name] = proto = descriptor_pb2.FileDescriptorProto()
            file.CopyToProto(proto)
            for dependency in file.dependencies:
                add(dependency)

    for service in services:
        found = descriptor_pool.Default().FindServiceByName(service.name)
        add(found.file)
        _add_comments(files[found.file.name], found, service.base)
    made = descriptor_pb2.FileDescriptorSet(file=[files[name] for name in sorted(files)])
    return made.SerializeToString(deterministic=True)


_SERVICE, _METHOD = 6, 2
"""Numbers of fields in descriptor.proto, of which the places of comments are made."""
_NO_COMMENT = "Missing associated documentation comment in .proto file."


def _add_comments(file: Any, service: Any, base: type) -> None:
    """What the proto file says of the service: descriptors at run time have lost it, stubs have it."""
    place = [_SERVICE, service.index]
    places: list[tuple[list[int], object]] = [(place, base)]
    places += [([*place, _METHOD, one.index], getattr(base, one.name, None)) for one in service.methods]
    for path, of in places:
        words = inspect.cleandoc(getattr(of, "__doc__", None) or "")
        if words and words != _NO_COMMENT:
            file.source_code_info.location.add(path=path, leading_comments=words)


class TypedCall:
    """A running call of a typed service, as draining sees it."""

    def __init__(self, task: Any, *, is_stream: bool) -> None:
        self._task = task
        self.is_stream = is_stream

    def give_notice(self) -> None:
        """gRPC has no word for it; the call may go on until the deadline."""

    def cut(self) -> None:
        self._task.cancel()


class Guarded:
    """Handlers as the server gets them: refused while draining, counted, and told who calls."""

    def __init__(self, host: AppHost) -> None:
        self._host = host

    def handler(self, service: Exported) -> grpc.GenericRpcHandler:
        wrapped = {name: self._wrap(name, handler) for name, handler in service.handlers.items()}
        return grpc.method_handlers_generic_handler(service.name, wrapped)

    def _wrap(self, name: str, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
        streams = (handler.request_streaming, handler.response_streaming)
        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[streams]
        kind = ("unary" if not streams[0] else "stream") + "_" + ("unary" if not streams[1] else "stream")
        behaviour = getattr(handler, kind)
        guard = self._streaming(behaviour, name) if streams[1] else self._single(behaviour, name, streams[0])
        return make(
            guard,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _single(self, behaviour: Any, name: str, is_stream: bool) -> Any:
        if not inspect.iscoroutinefunction(behaviour):
            return _not_async(behaviour, name)

        async def guard(request: Any, context: Any) -> Any:
            async with self._counted(context, is_stream=is_stream):
                return await behaviour(request, context)

        return guard

    def _streaming(self, behaviour: Any, name: str) -> Any:
        if inspect.iscoroutinefunction(behaviour):
            # Writes to the context instead of yielding.
            return self._single(behaviour, name, True)
        if not inspect.isasyncgenfunction(behaviour):
            return _not_async(behaviour, name)

        async def guard(request: Any, context: Any) -> AsyncIterator[Any]:
            async with self._counted(context, is_stream=True):
                async for answer in behaviour(request, context):
                    yield answer

        return guard

    @asynccontextmanager
    async def _counted(self, context: Any, *, is_stream: bool) -> AsyncIterator[None]:
        calls = self._host.calls
        if calls.draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "draining: no new calls", _REFUSED)
        call = TypedCall(asyncio.current_task(), is_stream=is_stream)
        calls.enter(call)
        # Each call has a task of its own, so nothing has to be put back.
        current_message.set(_caller(context))
        try:
            yield
        except (grpc.aio.AbortError, grpc.aio.UsageError):
            raise
        except NotConfigured as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except Exception:
            # Its text is for the log: it may hold what no client should see.
            log.exception("a typed call failed")
            await context.abort(grpc.StatusCode.INTERNAL, "the plugin failed; its log says why")
        finally:
            calls.leave(call)


def _caller(context: Any) -> http_pb2.CallContext:
    for key, value in context.invocation_metadata() or ():
        if key == CONTEXT:
            return http_pb2.CallContext.FromString(value)
    return http_pb2.CallContext()


def _not_async(behaviour: Any, name: str) -> Any:
    if behaviour.__module__.endswith("_pb2_grpc"):

        async def missing(request: Any, context: Any) -> None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{name} is not implemented")

        return missing
    raise PluginMisdefined(f"the method {name} of a typed service has to be 'async def'")
