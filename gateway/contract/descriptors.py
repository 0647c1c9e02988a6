"""The descriptors of a plugin's typed services, in a pool of their own: a stranger wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, ServiceDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from gateway.contract.errors import GarbageAnswer


class Descriptors:
    """What a ``FileDescriptorSet`` holds, checked. ``files`` maps names to files in the order of the set."""

    def __init__(self, data: bytes) -> None:
        """Raises :class:`GarbageAnswer`. Takes milliseconds for a large set: not for an event loop."""
        try:
            given = FileDescriptorSet.FromString(data)
        except DecodeError:
            raise GarbageAnswer("Its descriptor set is not one.") from None
        self.files: Mapping[str, FileDescriptorProto] = {file.name: file for file in given.file}
        self.pool = DescriptorPool()
        added: set[str] = set()
        for name in self.files:
            self._add(name, added)

    def _add(self, name: str, added: set[str]) -> None:
        if name in added:
            return
        added.add(name)
        file = self.files.get(name) or _well_known(name)
        for dependency in file.dependency:
            self._add(dependency, added)
        try:
            self.pool.Add(file)
            self.pool.FindFileByName(name)
        except (TypeError, ValueError, KeyError) as error:
            raise GarbageAnswer(f"Its descriptors do not hold: {error!s:.300}") from None

    def service(self, name: str) -> ServiceDescriptor:
        """Raises :class:`GarbageAnswer`."""
        try:
            return self.pool.FindServiceByName(name)
        except KeyError:
            raise GarbageAnswer(f"Its descriptor set has no service {name!r:.200}.") from None

    def definition(self, service: ServiceDescriptor) -> ServiceDescriptorProto:
        """The service as its file has it, with the options that its pool does not know."""
        file: FileDescriptor = service.file
        found = [one for one in self.files[file.name].service if one.name == service.name]
        return found[0]


def check_services(names: Sequence[str], descriptor_set: bytes) -> None:
    """Whether these are described; raises :class:`GarbageAnswer`."""
    descriptors = Descriptors(descriptor_set)
    for name in names:
        descriptors.service(name)


def pack(files: Iterable[FileDescriptorProto]) -> bytes:
    """A set of files, each once, in an order that does not depend on how they were found."""
    unique = {file.name: file for file in files}
    return FileDescriptorSet(file=[unique[name] for name in sorted(unique)]).SerializeToString(
        deterministic=True
    )


def _well_known(name: str) -> FileDescriptorProto:
    """Files that sets often leave out, as everyone has them."""
    file = FileDescriptorProto()
    try:
        descriptor_pool.Default().FindFileByName(name).CopyToProto(file)
    except KeyError:
        raise GarbageAnswer(f"Its descriptor set lacks the file {name!r:.200}.") from None
    return file
