"""Why a server could not be reached, in words for who has to mend it."""

from __future__ import annotations

from collections.abc import Iterable

Causes = Iterable[tuple[str, str]]
"""What stands in an error's text, and how to say it."""

# The first four are the relay's own words.
_KNOWN: Causes = (
    ("not granted", "this plugin was not granted a connection to it (name it in the settings)"),
    ("no plugin may reach", "no plugin may reach that address"),
    ("gateway's own machine", "it is the gateway's own machine, which has to be named as 127.0.0.1"),
    ("relay does not answer", "the gateway's relay does not answer"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted (see CA certificate)"),
    ("WRONG_VERSION_NUMBER", "it does not speak TLS (use http:// instead of https://)"),
    ("record layer", "it does not speak TLS (use http:// instead of https://)"),
    ("refused", "nothing listens there"),
    ("Connect call failed", "nothing listens there"),
    ("Name or service not known", "the host name is unknown"),
    ("host name is unknown", "the host name is unknown"),
    ("nodename nor servname", "the host name is unknown"),
    ("No address associated", "the host name is unknown"),
    ("Failed to resolve", "the host name is unknown"),
    ("reset", "it closed the connection"),
    ("disconnected", "it closed the connection"),
    ("without response", "it closed the connection"),
)
_DEEPEST = 6


def why_unreachable(error: BaseException, own: Causes = ()) -> str:
    """``": "`` and the cause, looked for in the error and in what led to it; empty where it is not known.

    ``own`` counts before what is known here.
    """
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen and len(seen) < _DEEPEST:
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    text = " ".join(map(str, seen))
    return next((f": {plain}" for words, plain in (*own, *_KNOWN) if words in text), "")
