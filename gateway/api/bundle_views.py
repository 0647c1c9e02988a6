"""What the management API says of bundles."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from gateway.api.view_base import View
from gateway.api.views import CandidateView
from gateway.catalogue.brought import Brought


class BroughtView(View):
    """An index of a catalogue, held against the keys of this gateway's own list."""

    name: str = Field(description="As the index calls itself.")
    title: str
    serial: int
    issued: datetime
    expires: datetime
    catalogue: str = Field(
        description="The catalogue of this gateway whose keys have signed it; empty where none has, "
        "and then nothing of it is to be believed."
    )
    taken: bool = Field(description="An import takes it.")
    words: str


class BundleView(View):
    """What a bundle holds, in its order. Give each ``releaseId`` as ``consent`` to install just these."""

    plugins: list[CandidateView]
    catalogues: list[BroughtView] = Field(
        description="Indexes of catalogues that offer these plugins. This gateway's own take what is newer."
    )


class InstalledView(View):
    """Ids of the bundle's plugins that are installed now."""

    installed: list[str]


def brought_view(brought: Brought) -> BroughtView:
    index = brought.index
    return BroughtView(
        name=index.name,
        title=index.title,
        serial=index.serial,
        issued=index.issued,
        expires=index.expires,
        catalogue=brought.catalogue,
        taken=brought.standing is not None,
        words=brought.words,
    )
