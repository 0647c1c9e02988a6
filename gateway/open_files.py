"""How many files and connections a process may have open."""

from __future__ import annotations

ENOUGH = 65_536


def raise_limit() -> int:
    """Take as many as the system grants without being asked, up to :data:`ENOUGH`; returns what holds.

    Most systems begin with 1,024, as programs that use select(2) break beyond that. That is few for open
    pages, each of which holds a connection.
    """
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
