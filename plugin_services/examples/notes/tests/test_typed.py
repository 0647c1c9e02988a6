"""The typed service, called as a gateway and as native clients call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from notes.v1 import notes_pb2, notes_pb2_grpc
from plugway.plugin.v1 import http_pb2
from plugway_sdk.testing import PluginClient

SERVICE = "notes.v1.NoteService"


def metadata(user: str) -> Any:
    return (("plugway-context-bin", http_pb2.CallContext(user=user).SerializeToString()),)


async def test_notes_of_both_ways_in_are_the_same(client: PluginClient, volume: Path) -> None:
    stub = notes_pb2_grpc.NoteServiceStub(client.channel)
    new = notes_pb2.CreateNoteRequest(note=notes_pb2.Note(title="typed", text="text"))
    made = await stub.CreateNote(new, metadata=metadata("bea"))
    assert (made.title, made.author) == ("typed", "bea")
    assert (await client.get(f"/{made.name}")).json()["title"] == "typed"
    change = notes_pb2.UpdateNoteRequest(note=notes_pb2.Note(name=made.name, title="other"))
    change.update_mask.paths.append("text")
    assert (await stub.UpdateNote(change)).text == ""
    for index in range(120):
        await client.post("/notes", json={"title": f"n{index}"})
    listed = [note.title async for note in stub.ListNotes(notes_pb2.ListNotesRequest(limit=119))]
    assert len(set(listed)) == 119
    await stub.DeleteNote(notes_pb2.DeleteNoteRequest(name=made.name))
    with pytest.raises(grpc.aio.AioRpcError) as gone:
        await stub.GetNote(notes_pb2.GetNoteRequest(name=made.name))
    assert gone.value.code() is grpc.StatusCode.NOT_FOUND


async def test_it_says_which_services_it_has(client: PluginClient) -> None:
    answer = await client.describe()
    assert list(answer.manifest.services) == [SERVICE]
    files = FileDescriptorSet.FromString(answer.descriptor_set).file
    assert {"notes/v1/notes.proto", "google/api/http.proto"} <= {file.name for file in files}
    assert json.loads(answer.openapi_json)["paths"]


async def test_a_draining_plugin_refuses_typed_calls_so_that_they_may_go_elsewhere(
    client: PluginClient,
) -> None:
    await client.drain(0.0, 0.0)
    stub = notes_pb2_grpc.NoteServiceStub(client.channel)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetNote(notes_pb2.GetNoteRequest(name="notes/1"))
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert ("plugway-refused", "draining") in tuple(refused.value.trailing_metadata() or ())
