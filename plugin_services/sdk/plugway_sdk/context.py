"""The call that the current task answers, and the volumes of the process."""

from __future__ import annotations

import os
import re
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from plugway.plugin.v1 import http_pb2

from plugway_sdk.errors import NoCall, VolumeUnavailable

# The message itself, so that a call which never asks pays for no conversion.
current_message: ContextVar[http_pb2.CallContext | None] = ContextVar("plugway_call", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """What the gateway vouches for. ``user`` and ``role`` are empty on a public route."""

    request_id: str = ""
    user: str = ""
    role: str = ""
    base_path: str = ""
    traceparent: str = ""
    token: str = ""
    client_address: str = ""


def current_call() -> CallContext:
    """The call being answered; raises :class:`NoCall` outside of one. Works in threads of the app too."""
    message = current_message.get()
    if message is None:
        raise NoCall("current_call() only works while a call is being answered")
    return CallContext(
        request_id=message.request_id,
        user=message.user,
        role=message.role,
        base_path=message.base_path,
        traceparent=message.traceparent,
        token=message.token,
        client_address=message.client_address,
    )


def volume(name: str) -> Path:
    """The directory of a volume that the plugin declared; made on an author's machine.

    Raises :class:`VolumeUnavailable` where it cannot be had.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise VolumeUnavailable(f"{name!r} is no volume name: lower-case letters, digits and '-'")
    directory = Path(os.environ.get("PLUGWAY_VOLUMES") or ".plugway-volumes").absolute() / name
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VolumeUnavailable(
            f"the volume {name!r} is not there; declare it in permissions.volumes ({error.strerror})"
        ) from error
    return directory
