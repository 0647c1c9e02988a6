"""What can be wrong with catalogues."""

from __future__ import annotations

from gateway.errors import BadInput, Conflict, NotFound


class CatalogueRefused(BadInput):
    """An index that is not taken. ``reason`` is stable:

    ``unreadable``, ``signature``, ``threshold``, ``expired``, ``rollback``, ``replaced``, ``other-name``.
    """

    key, title = "catalogue-refused", "The catalogue is not taken"


class BadCatalogues(BadInput):
    """``catalogues.toml`` does not hold, or a catalogue cannot be added as described."""

    key, title = "bad-catalogues", "The list of catalogues does not hold"


class NoCatalogue(NotFound):
    """No catalogue of that name is in the operator's list."""

    key, title = "no-catalogue", "No such catalogue"


class CatalogueKnown(Conflict):
    """A catalogue of that name is there already."""

    key, title = "catalogue-known", "The catalogue is there already"


class NotOffered(NotFound):
    """No catalogue and no source offers this plugin, or this version or screenshot of it."""

    key, title = "not-offered", "Nobody offers that"


class Ambiguous(Conflict):
    """More than one catalogue offers a plugin of this id."""

    key, title = "ambiguous-plugin", "More than one catalogue offers this plugin"
