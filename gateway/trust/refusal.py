"""Why a release is trusted or not: the rules by name, and the refusal that names one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from gateway.errors import BadInput


class Rule(StrEnum):
    """The rule that decided. Stable names: policies, scripts and documents refer to them."""

    BUILT_IN = "built-in"
    REMOTE_ENDPOINT = "remote-endpoint"
    ALLOWED_UNSIGNED = "allowed-unsigned"
    SIGNED = "signed"

    UNSIGNED = "unsigned"
    DIGEST_IS_NO_SIGNATURE = "digest-is-no-signature"
    ENVELOPE = "envelope"
    PAYLOAD_TYPE = "payload-type"
    STATEMENT = "statement"
    SIGNATURE = "signature"
    UNKNOWN_SIGNER = "unknown-signer"
    THRESHOLD = "threshold"
    KEY_NOT_YET_VALID = "key-not-yet-valid"
    KEY_EXPIRED = "key-expired"
    KEY_REVOKED = "key-revoked"
    RELEASE_REVOKED = "release-revoked"
    SIGNER_PLUGINS = "signer-plugins"
    SIGNER_SOURCES = "signer-sources"
    SIGNER_PERMISSIONS = "signer-permissions"
    OTHER_PLUGIN = "other-plugin"
    OTHER_VERSION = "other-version"
    OTHER_CONTRACT = "other-contract"
    OTHER_UI = "other-ui"
    PERMISSIONS_BEYOND_LOCK = "permissions-beyond-lock"
    FILE_MISSING = "file-missing"
    FILE_NOT_LISTED = "file-not-listed"
    FILE_CHANGED = "file-changed"
    LOCK_EXPIRED = "lock-expired"
    SIGNED_IN_FUTURE = "signed-in-future"
    DOWNGRADE = "downgrade"


class Refused(BadInput):
    """The release is not trusted. Says which rule, which signer and keys, and what to do."""

    key, title = "release-refused", "The release is not trusted"

    def __init__(
        self,
        rule: Rule,
        detail: str,
        *,
        hint: str,
        plugin: str = "",
        signer: str = "",
        keys: Sequence[str] = (),
    ) -> None:
        super().__init__(detail, hint=hint, plugin=plugin, reason=rule.value)
        self.rule = rule
        self.signer = signer
        self.keys = tuple(keys)

    def problem(self) -> dict[str, Any]:
        """As every problem, with ``rule``, ``signer`` and ``keys`` (ids) beside it."""
        more = {"rule": self.rule.value, "signer": self.signer, "keys": list(self.keys)}
        return super().problem() | {name: value for name, value in more.items() if value}
