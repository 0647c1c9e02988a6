"""What goes over the wire. Times are ISO 8601 in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

Title = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(max_length=100_000)]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class NotesSettings(BaseModel):
    """What an operator can set; every setting has a default, so the plugin works at once."""

    model_config = ConfigDict(extra="forbid")

    heading: str = Field(
        "Notes", min_length=1, max_length=60, title="Heading", description="Shown above the notes."
    )
    max_attachment_mib: int = Field(
        100,
        ge=1,
        le=10_240,
        title="Largest attachment (MiB)",
        description="A larger upload is refused while it arrives.",
    )


class Attachment(_Model):
    id: int
    name: str
    content_type: str
    size: int = Field(description="Bytes.")


class Note(_Model):
    id: int
    title: str
    text: str
    pinned: bool
    author: str = Field(description="Who wrote it; empty where nobody was signed in.")
    created: datetime
    updated: datetime
    revision: int = Field(description="Grows by one with each change of the note.")
    attachments: list[Attachment] = []


class NewNote(_Model):
    title: Title = ""
    text: Text = ""
    pinned: bool = False


class NoteChange(_Model):
    """Fields that are left out stay as they are."""

    title: Title | None = None
    text: Text | None = None
    pinned: bool | None = None
    revision: int | None = Field(None, description="Change only this revision; another one answers 409.")


class NotePage(_Model):
    notes: list[Note]
    total: int = Field(description="Notes that match, on all pages.")
    next: str | None = Field(None, description="Cursor of the next page; absent on the last.")


class About(_Model):
    heading: str
    max_attachment_mib: int
