"""Hosts beyond its own bundle that a plugin's page may load from, or show: a strict grammar. Pure.

    page-origin = directive SP "https://" host [ ":" port ]
    directive   = "img-src" | "media-src" | "frame-src"
    host        = label 1*( "." label )        ; lower case, at most 253 long, no address, no wildcard
    port        = 1 to 65535, without leading zeros, and never 443, which is left out

What follows this grammar can stand in a Content-Security-Policy as it is: it holds no character that
ends a source, a directive or a header, and one origin has one spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

DIRECTIVES = ("img-src", "media-src", "frame-src")
"""Pictures, sound and video, and whole pages in frames, which have no origin in the page's sandbox.

Code, styles, fonts and data never come from a third host.
"""

MAX_ORIGINS = 64

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter, so that no IPv4 address in any spelling is a host.
_HOST = rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?"
_ORIGIN = re.compile(rf"https://({_HOST})(?::([1-9][0-9]{{0,4}}))?")
_THIS_MACHINE = ("localhost", "local", "internal")


class BadOrigin(ValueError):
    """Says in words what is wrong, for whoever wrote it."""


def check_origin(text: str) -> str:
    """``text`` where it is an origin of the grammar; raises :class:`BadOrigin`."""
    found = _ORIGIN.fullmatch(text)
    if not found:
        raise BadOrigin("must be an exact origin such as https://images.example, in lower case")
    host, port = found.groups()
    if len(host) > 253:
        raise BadOrigin("must name a host of at most 253 characters")
    if host.rpartition(".")[2] in _THIS_MACHINE:
        raise BadOrigin("must not name a host of the reader's own machine or network")
    if port and int(port) > 65535:
        raise BadOrigin("must name a port of at most 65535")
    if port == "443":
        raise BadOrigin("must leave out the port 443")
    return text


def check_page_origin(text: str) -> str:
    """``text`` where it is a directive and an origin; raises :class:`BadOrigin`."""
    directive, space, origin = text.partition(" ")
    if not space or directive not in DIRECTIVES:
        raise BadOrigin(f"must begin with {' or '.join(DIRECTIVES)}, as in 'img-src https://images.example'")
    check_origin(origin)
    return text


def sources(origins: Iterable[str], directive: str) -> str:
    """What the policy's ``directive`` has beyond the bundle: each with a space before it, "" for none.

    Raises :class:`BadOrigin`: they were read by strangers' rules long before, and are judged again here.
    """
    split = [check_page_origin(text).split(" ") for text in origins]
    return "".join(f" {origin}" for name, origin in sorted(split) if name == directive)


def page_origin_words(text: str) -> str:
    """For people, after "its page may": ``load pictures from https://images.example``."""
    directive, _, origin = text.partition(" ")
    if directive == "frame-src":
        return f"show pages of {origin}"
    what = {"img-src": "pictures", "media-src": "sound and video"}.get(directive, directive)
    return f"load {what} from {origin}"
