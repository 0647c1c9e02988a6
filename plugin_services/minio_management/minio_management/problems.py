"""Refusals in words, and how the server's and the library's errors become them.

Refusal
├── NotConfigured     503  no connection yet
├── NoSuchConnection  404
├── Unreachable       503  the server does not answer
├── Busy              503  it answers, but not now
├── LoginRefused      502  access key or secret key
├── NotAllowed        403  the server's policies
├── ReadOnly          403  the read-only switch
├── NotFound          404
├── Conflict          409  not in the state that this needs
├── NotSupported      501  the server has no such call
├── Refused           422  what was sent cannot hold
└── ServerRefused     502  anything else that the server says
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioAdminException, S3Error, ServerError
from plugway_sdk.unreachable import why_unreachable
from plugway_sdk.web import problems
from plugway_sdk.web.problems import Conflict, NotFound, Refusal, Refused
from urllib3 import exceptions as http_errors

from minio_management.settings import Connection


class NotConfigured(problems.NotConfigured):
    title = "No MinIO set"


class Unreachable(Refusal):
    key, title, status = "unreachable", "MinIO does not answer", 503


class Busy(Refusal):
    key, title, status = "busy", "MinIO is busy", 503


class LoginRefused(Refusal):
    key, title, status = "login-refused", "MinIO refused the login", 502


class NotAllowed(Refusal):
    key, title, status = "not-allowed", "MinIO does not allow this", 403


class NotSupported(Refusal):
    key, title, status = "not-supported", "Not supported", 501


class ServerRefused(Refusal):
    key, title, status = "server-refused", "MinIO refused", 502


# Codes of S3 and of MinIO's administration: the refusal, better words where theirs do not do, and a hint.
_CODES: dict[str, tuple[type[Refusal], str, str]] = {
    "NoSuchBucket": (NotFound, "There is no such bucket.", "It may have been deleted: load the list again."),
    "NoSuchKey": (NotFound, "There is no such object.", "It may have been deleted: load the list again."),
    "NoSuchVersion": (NotFound, "There is no such version of this object.", "Load the versions again."),
    "NoSuchUpload": (Conflict, "The upload was given up meanwhile.", "Upload the file again."),
    "MethodNotAllowed": (Conflict, "This version is a delete marker: nothing is in it.", "See older ones."),
    "BucketAlreadyOwnedByYou": (Conflict, "There is a bucket of this name already.", "Choose another name."),
    "BucketAlreadyExists": (Conflict, "There is a bucket of this name already.", "Choose another name."),
    "BucketNotEmpty": (
        Conflict,
        "The bucket is not empty.",
        "Delete what is in it first, or delete it with all that is in it. Older versions count, too.",
    ),
    "InvalidBucketState": (Conflict, "", ""),
    "XMinioAdminBucketQuotaExceeded": (Conflict, "The bucket has reached its quota.", "Raise the quota."),
    "XMinioStorageFull": (Busy, "The server's disks are full.", "Delete data or add disks."),
    "PreconditionFailed": (Conflict, "The object is another now.", "Load it again."),
    "InvalidRange": (Refused, "The object has no such range of bytes.", ""),
    "KeyTooLongError": (Refused, "The name is too long: 1024 bytes at most.", ""),
    "EntityTooLarge": (Refused, "The object is larger than the server takes.", ""),
    "XMinioAdminNoSuchUser": (NotFound, "There is no such user.", "Load the list again."),
    "XMinioAdminNoSuchGroup": (NotFound, "There is no such group.", "Load the list again."),
    "XMinioAdminNoSuchPolicy": (NotFound, "There is no such policy.", "Load the list again."),
    "XMinioAdminGroupNotEmpty": (Conflict, "The group is not empty.", "Take its members out of it first."),
    "XMinioIAMPolicyInUse": (Conflict, "The policy is attached.", "Detach it from users and groups first."),
    "XMinioAdminPolicyChangeAlreadyApplied": (Conflict, "It was changed meanwhile.", "Load it again."),
    "XMinioInvalidIAMCredentials": (NotFound, "There is no such access key.", "Load the list again."),
    "XMinioIAMActionNotAllowed": (Conflict, "MinIO does not do this to the user that asks for it.", ""),
    "XMinioIAMServiceAccountNotAllowed": (Conflict, "", ""),
    "NotImplemented": (NotSupported, "The server has no such function.", ""),
    "SlowDown": (Busy, "The server asks to slow down.", ""),
    "SlowDownRead": (Busy, "The server asks to slow down.", ""),
    "SlowDownWrite": (Busy, "The server asks to slow down.", ""),
    "XMinioServerNotInitialized": (Busy, "The server is still starting.", ""),
    "ServiceUnavailable": (Busy, "The server is not ready.", ""),
    "InternalError": (ServerRefused, "The server failed.", "Look at its own log; a disk may be away."),
    "RequestTimeTooSkewed": (ServerRefused, "The clocks of gateway and server differ too much.", "Set both."),
}  # fmt: skip
_LOGIN = ("SignatureDoesNotMatch", "InvalidAccessKeyId", "ExpiredToken")
_NOT_FOUND = re.compile(r"NoSuch|NotFound")
_BAD = re.compile(r"Malformed|Invalid|BadRequest|TooMany|TooLong|TooShort|Argument|Exceed")


def say(error: Exception, connection: Connection) -> Refusal:
    """The refusal that tells ``error``; the secret key is never part of it."""
    where = f"MinIO at {connection.address}"
    if isinstance(error, S3Error):
        return _say_code(error.code or "", error.message or "", connection)
    if isinstance(error, MinioAdminException):
        return _say_code(*_admin_words(str(error)), connection)
    # urllib3 counts every connection that could not be made as one that took too long.
    late = http_errors.ConnectTimeoutError | http_errors.ReadTimeoutError | TimeoutError
    if isinstance(error, late) and not isinstance(error, http_errors.NewConnectionError):
        return Unreachable(
            f"{where} did not answer in time.",
            hint="It may be overloaded or unreachable; the time allowed is in the plugin's settings.",
            retry_after=2,
        )
    if isinstance(error, http_errors.HTTPError | OSError):
        return Unreachable(
            f"{where} cannot be reached{why_unreachable(error)}.",
            hint="Check that MinIO runs and that the address in the plugin's settings is right.",
            retry_after=2,
        )
    if isinstance(error, ServerError | InvalidResponseError | ParseError):
        return _say_plain(error, where)
    # ValueError: what the library itself finds wrong with a name or a rule.
    return Refused(_clean(str(error), connection).capitalize() + ".")


def _say_plain(error: Exception, where: str) -> Refusal:
    found = re.search(r"code:? (\d{3})", str(error))
    status = int(found[1]) if found else 0
    if status in (429, 502, 503, 504):
        return Busy(f"{where} is not ready (it answers {status}).", retry_after=2)
    return ServerRefused(
        f"What answers at {where.removeprefix('MinIO at ')} does not speak S3.",
        hint="Check the address in the plugin's settings: it is that of the S3 API, not of the web console.",
    )


def _admin_words(text: str) -> tuple[str, str]:
    """Code and message of an answer of the administrative API."""
    body = text.partition("Body: ")[2].strip()
    try:
        document = json.loads(body)
        return str(document["Code"]), str(document["Message"])
    except (ValueError, KeyError, TypeError):
        status = re.search(r"Status: (\d+)", text)
        code = "NotImplemented" if status and status[1] in ("404", "405", "426", "501") else "Unknown"
        return code, body[:300]


def _say_code(code: str, message: str, connection: Connection) -> Refusal:
    if code in _LOGIN:
        return LoginRefused(
            f"MinIO at {connection.address} refused the access key or the secret key.",
            hint="Check both in the plugin's settings.",
        )
    if code == "AccessDenied":
        return NotAllowed(
            f"The access key '{connection.access_key}' may not do this.",
            hint="Give its user a policy that allows it, or use another key in the plugin's settings.",
        )
    if "same as admin access key" in message:
        return Conflict("This is the root user's name.", hint="Choose another name.")
    words = _clean(message, connection).rstrip(".") + "."
    if code in _CODES:
        kind, own, hint = _CODES[code]
        return kind(own or words, hint=hint, retry_after=2 if kind is Busy else None)
    kind = NotFound if _NOT_FOUND.search(code) else Refused if _BAD.search(code) else ServerRefused
    return kind(words if kind is not ServerRefused else f"MinIO says: {words}")


def _clean(text: str, connection: Connection) -> str:
    secret = connection.secret_key.get_secret_value()
    return text.replace(secret, "***") if secret else text


_KNOWN = (
    S3Error, ServerError, InvalidResponseError, MinioAdminException, http_errors.HTTPError, OSError,
    ValueError, ParseError,
)  # fmt: skip


@contextmanager
def in_words(connection: Connection) -> Iterator[None]:
    """Turns the client library's errors into refusals.

    The original is not chained: its text and its frames may hold the secret key.
    """
    try:
        yield
    except PermissionError:
        raise  # a mistake of ours: a changing call on a link for looking
    except _KNOWN as error:
        raise say(error, connection) from None
