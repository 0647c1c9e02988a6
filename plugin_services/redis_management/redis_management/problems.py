"""Refusals in words, and how Redis' own errors become them.

Refusal
├── NotConfigured   503  no settings yet
├── NoSuchConnection 404
├── Unreachable     503  Redis does not answer
├── Busy            503  Redis answers, but not now
├── LoginRefused    502  user or password
├── NotAllowed      403  Redis' access rules
├── ReadOnly        403  the read-only switch, or a replica
├── NoSuchKey       404
├── WrongType       409  the key holds another type
├── Changed         409  somebody else was quicker
├── Refused         422  what was sent cannot hold
└── RedisRefused    502  anything else that Redis says
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from plugway_sdk.unreachable import why_unreachable
from plugway_sdk.web import problems
from plugway_sdk.web.connections import ReadOnly
from plugway_sdk.web.problems import Refusal, Refused
from redis import exceptions as redis_errors

from redis_management.granted import AnswerTooLarge
from redis_management.settings import Connection


class NotConfigured(problems.NotConfigured):
    title = "No Redis set"


class Unreachable(Refusal):
    key, title, status = "unreachable", "Redis does not answer", 503


class NotGranted(Unreachable):
    """``to`` is what was not granted, and ``others`` what will be asked for next: all as ``host:port``."""

    def __init__(self, connection: Connection, to: str, cause: str) -> None:
        leads = f" leads to {to}, which" if to != str(connection.address) else ""
        super().__init__(
            f"Redis {connection.where}{leads} cannot be reached{cause}.",
            hint=f"Name {to} in the plugin's settings, among the connection's further addresses.",
        )
        self.connection, self.to = connection, to
        self.others: tuple[str, ...] = ()


class Busy(Refusal):
    key, title, status = "busy", "Redis is busy", 503


class LoginRefused(Refusal):
    key, title, status = "login-refused", "Redis refused the login", 502


class NotAllowed(Refusal):
    key, title, status = "not-allowed", "Redis does not allow this", 403


class NoSuchKey(Refusal):
    key, title, status = "no-such-key", "No such key", 404


class WrongType(Refusal):
    key, title, status = "wrong-type", "Another type", 409


class Changed(Refusal):
    key, title, status = "changed", "Changed meanwhile", 409


class RedisRefused(Refusal):
    key, title, status = "redis-refused", "Redis refused", 502


class NoSuchNode(Refusal):
    key, title, status = "no-such-node", "No such node", 404


class Elsewhere(RedisRefused):
    """A cluster's answer that the key lies on another node: for good, or while its slot is moved."""

    def __init__(self, error: redis_errors.MovedError | redis_errors.AskError) -> None:
        super().__init__(
            "This Redis is part of a cluster, and the key lives on another node.",
            hint="In the plugin's settings, say that there is a cluster.",
        )
        self.place: tuple[str, int] = (error.host, error.port)
        self.moving = not isinstance(error, redis_errors.MovedError)


_REFUSED_BY_RELAY = re.compile(r"A connection to (\S+) is not granted")

# Texts of Redis that deserve better words: how they begin, and what to say.
_REPLIES: tuple[tuple[str, type[Refusal], str, str], ...] = (
    ("WRONGTYPE", WrongType, "The key holds a value of another type.", "Load the key again."),
    (
        "MISCONF",
        Busy,
        "Redis takes no writes because it cannot save to its disk.",
        "Look at Redis' own log; its disk may be full.",
    ),
    ("NOREPLICAS", Busy, "Redis takes no writes because too few replicas are connected.", ""),
    ("MASTERDOWN", Busy, "This Redis is a replica that has lost its primary.", ""),
    ("BUSY ", Busy, "Redis runs a script that does not end.", "Wait, or run SCRIPT KILL with redis-cli."),
    (
        "DB index is out of range",
        Refused,
        "This Redis has no database of that number.",
        "The overview lists those that hold keys.",
    ),
    (
        "The server is running without a config file",
        Refused,
        "This Redis was started without a configuration file, so there is none to write.",
        "What was set is in force until it is restarted.",
    ),
    (
        "This Redis instance is not configured to use an ACL file",
        Refused,
        "This Redis keeps no ACL file.",
        "Its users are part of the configuration file: write that one.",
    ),
    ("NOPROTO", RedisRefused, "This server does not speak the protocol of Redis.", "Check the address."),
)

_CAUSES = (
    ("no sentinel knows", "no sentinel knows a primary of that name"),
    ("no sentinel answers", "no sentinel answers"),
    ("WRONG_VERSION_NUMBER", "it does not speak TLS (use redis:// instead of rediss://)"),
    ("record layer", "it does not speak TLS (use redis:// instead of rediss://)"),
    ("max number of clients", "it has as many clients as it allows"),
    ("Connection reset", "it closed the connection (does it expect TLS? then use rediss://)"),
    ("closed by server", "it closed the connection"),
)


def say(error: Exception, connection: Connection) -> Refusal:
    """The refusal that tells ``error``; the password is never part of it."""
    where = f"Redis {connection.where}"
    if isinstance(error, redis_errors.AuthenticationError):
        return LoginRefused(
            f"{where} refused the user or the password.", hint="Check both in the plugin's settings."
        )
    if isinstance(error, redis_errors.BusyLoadingError):
        return Busy(f"{where} is still loading its data.", retry_after=2)
    if isinstance(error, redis_errors.TimeoutError):
        return Unreachable(
            f"{where} did not answer in time.",
            hint="It may be overloaded or unreachable; the time allowed is in the plugin's settings.",
            retry_after=2,
        )
    if isinstance(error, redis_errors.MaxConnectionsError):
        return Busy("Too many calls to Redis at once.", retry_after=1)
    if isinstance(error, AnswerTooLarge):
        return Refused(
            "The answer is too large to be shown.", hint="Ask for a part of it: SCAN, GETRANGE, LRANGE 0 99."
        )
    if isinstance(error, redis_errors.ConnectionError | OSError) and not _is_reply(error):
        if to := _not_granted(error):
            return NotGranted(connection, to, why_unreachable(error, _CAUSES))
        return Unreachable(
            f"{where} cannot be reached{why_unreachable(error, _CAUSES)}.",
            hint="Check that Redis runs and that the address in the plugin's settings is right.",
            retry_after=2,
        )
    return _say_reply(error, connection)


def _is_reply(error: Exception) -> bool:
    return isinstance(error, redis_errors.ResponseError)


def _not_granted(error: BaseException) -> str:
    """The destination, in the words of the gateway's relay; "" where it was another reason."""
    for cause in (error, error.__cause__, error.__context__):
        if found := _REFUSED_BY_RELAY.search(str(cause or "")):
            return found[1]
    return ""


def _say_reply(error: Exception, connection: Connection) -> Refusal:
    text = str(error)
    if isinstance(error, redis_errors.NoPermissionError):
        user = repr(connection.username or "default")
        return NotAllowed(
            f"The Redis user {user} may not do this: {_clean(text, connection)}",
            hint="Ask for the permission (ACL SETUSER), or use another user in the plugin's settings.",
        )
    if isinstance(error, redis_errors.ReadOnlyError):
        return ReadOnly("This Redis is a replica and takes no writes.", hint="Connect to its primary.")
    if isinstance(error, redis_errors.OutOfMemoryError):
        return Busy(
            "Redis is at its memory limit and takes no more data.",
            hint="Delete keys or raise maxmemory.",
        )
    if isinstance(error, redis_errors.MovedError | redis_errors.AskError):
        return Elsewhere(error)
    if isinstance(error, redis_errors.ClusterCrossSlotError) or text.startswith("CROSSSLOT"):
        return Refused(
            "In a cluster the names have to lie in one slot.",
            hint="Names with the same part in braces do: {user:1}.a and {user:1}.b.",
        )
    if isinstance(error, redis_errors.ClusterDownError) or text.startswith("CLUSTERDOWN"):
        return Busy("The cluster is down: not all of its slots are served.", hint="Look at its nodes.")
    if isinstance(error, redis_errors.WatchError):
        return Changed("Somebody else has changed the key meanwhile.", hint="Load it again, then repeat.")
    for beginning, kind, words, hint in _REPLIES:
        if text.startswith(beginning):
            return kind(words, hint=hint)
    return RedisRefused(f"Redis says: {_clean(text, connection)}")


def _clean(text: str, connection: Connection) -> str:
    # "unknown command" repeats the arguments, which may be those of AUTH.
    text = text.split(", with args beginning", 1)[0].removeprefix("ERR ").strip()
    password = connection.password.get_secret_value()
    return text.replace(password, "***") if password else text


@contextmanager
def in_words(connection: Connection) -> Iterator[None]:
    """Turns the client library's errors into refusals.

    The original is not chained: its text and its frames may hold the password.
    """
    try:
        yield
    except (redis_errors.RedisError, OSError) as error:
        raise say(error, connection) from None
