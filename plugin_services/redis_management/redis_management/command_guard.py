"""Which commands the console runs, which it asks for by name, and which it refuses. Pure.

What a command does is what Redis itself says of it (COMMAND INFO): its flags and its categories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plugway_sdk.web.connections import ReadOnly
from plugway_sdk.web.problems import Refused

from redis_management.link import READING
from redis_management.problems import NotAllowed

NEVER = {
    **dict.fromkeys(
        ("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"),
        "Listening is on the page Live.",
    ),
    "MONITOR": "It is on the page Live, where it ends by itself.",
    **dict.fromkeys(
        ("MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "SELECT", "AUTH", "HELLO", "RESET", "QUIT",
         "ASKING", "READONLY", "READWRITE", "CLIENT|REPLY", "CLIENT|TRACKING", "CLIENT|CACHING",
         "CLIENT|SETNAME", "CLIENT|SETINFO", "CLIENT|NO-EVICT", "CLIENT|NO-TOUCH"),
        "Each command has a connection of its own, so it would change nothing that lasts.",
    ),
    **dict.fromkeys(
        ("SYNC", "PSYNC", "REPLCONF", "DEBUG", "PFDEBUG", "PFSELFTEST", "SHUTDOWN", "FAILOVER", "REPLICAOF",
         "SLAVEOF", "MODULE|LOAD", "MODULE|LOADEX", "MODULE|UNLOAD", "SCRIPT|DEBUG", "CLIENT|PAUSE",
         "CLUSTER|RESET", "CLUSTER|FLUSHSLOTS", "CLUSTER|FAILOVER", "CLUSTER|FORGET", "CLUSTER|REPLICATE"),
        "It can end or break a server; run it with redis-cli, on the server.",
    ),
    **dict.fromkeys(("WAIT", "WAITAOF"), "It waits for replicas, and holds a connection meanwhile."),
    "MIGRATE": "It carries a password and stops Redis meanwhile; export and import the keys instead.",
    **dict.fromkeys(
        ("ACL|SETUSER", "ACL|GETUSER", "ACL|LIST", "ACL|DELUSER", "ACL|GENPASS", "ACL|LOAD"),
        "It carries passwords or their hashes; users have a page of their own.",
    ),
    **dict.fromkeys(
        ("CONFIG|GET", "CONFIG|SET"), "It may carry passwords; the configuration has a page of its own."
    ),
}  # fmt: skip
"""Refused in any case, with the reason; a name with ``|`` is a subcommand."""
# ACL LOG may also forget.
HARMLESS = (READING - {"ACL|LOG"}) | frozenset(
    (
        "ECHO", "COMMAND", "COMMAND|COUNT", "COMMAND|DOCS", "COMMAND|GETKEYS", "COMMAND|LIST", "LASTSAVE",
        "LATENCY|LATEST", "LATENCY|HISTORY", "LATENCY|DOCTOR", "LOLWUT", "MEMORY|STATS", "CLIENT|INFO",
        "CLIENT|GETNAME", "CLUSTER|KEYSLOT", "CLUSTER|SHARDS", "CLUSTER|COUNTKEYSINSLOT", "SCRIPT|EXISTS",
        "FUNCTION|LIST", "FUNCTION|STATS", "MODULE|LIST",
    )
)  # fmt: skip
"""Not flagged as reading, and changing nothing all the same."""
ASKED = {"dangerous", "admin", "scripting"}


@dataclass(frozen=True)
class Command:
    """What Redis says of one: its full name as ``CONFIG|SET``, its flags and categories without marks."""

    name: str
    flags: frozenset[str]
    categories: frozenset[str]

    @property
    def shown(self) -> str:
        return self.name.replace("|", " ")


def names_of(words: Sequence[bytes]) -> tuple[str, str]:
    """The command's name, and that of its subcommand if it has one."""
    upper = [word.decode(errors="replace").upper() for word in words[:2]]
    return upper[0], "|".join(upper)


def judge(command: Command, words: Sequence[bytes], *, read_only: bool, confirm: str) -> None:
    """Raises Refused, ReadOnly or NotAllowed where the command must not run as it stands."""
    name, names = names_of(words)
    for each in (names, name):
        if each in NEVER:
            raise Refused(f"{each.replace('|', ' ')} is not run here.", hint=NEVER[each])
    if "blocking" in command.flags | command.categories and _waits(name, words):
        raise Refused(f"{command.shown} would wait, and hold a connection.", hint="Ask again instead.")
    harmless = command.name in HARMLESS or name in HARMLESS
    if read_only and not harmless and "readonly" not in command.flags:
        raise ReadOnly(
            f"The connection is set to read only, and {command.shown} is not known to only read.",
            hint="An administrator can switch this off in the plugin's settings.",
        )
    risky = not harmless and (command.categories | command.flags) & ASKED
    if risky and confirm.upper() != command.shown:
        raise AskedFor(
            f"{command.shown} can do harm: it counts as {' and '.join(sorted(risky))}.",
            hint=f"To run it, give its name ({command.shown}) once more.",
        )


def _waits(name: str, words: Sequence[bytes]) -> bool:
    if name in ("XREAD", "XREADGROUP"):
        return b"BLOCK" in [word.upper() for word in words]
    return True


class AskedFor(NotAllowed):
    key, title, status = "confirm-by-name", "Confirm by name", 409
