"""What can go wrong between the gateway and a plugin, in words for an operator.

ContractError
├── NotAnswering        nobody there, or no answer in time
├── PluginFailed        it answered with an error of its own
├── GarbageAnswer       what came is not the contract
├── ContractMismatch    it speaks other versions of the contract
└── WrongPlugin         something else answers on its address
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from gateway.errors import PlugwayError


class ContractError(PlugwayError):
    """``permanent``: the same release will answer the same again, so trying on is useless."""

    key, title, status = "plugin-contract", "The plugin broke the contract", 502
    permanent: ClassVar[bool] = False


class NotAnswering(ContractError):
    key, title, status = "plugin-not-answering", "The plugin does not answer", 503


class PluginFailed(ContractError):
    key, title = "plugin-failed", "The plugin reported an error"


class GarbageAnswer(ContractError):
    key, title = "plugin-garbage", "The plugin's answer makes no sense"


class ContractMismatch(ContractError):
    key, title = "contract-mismatch", "The plugin speaks another contract"
    permanent = True

    @classmethod
    def between(cls, theirs: Iterable[int], ours: Iterable[int]) -> ContractMismatch:
        spoken = ", ".join(str(version) for version in sorted(theirs)) or "none that it names"
        known = ", ".join(str(version) for version in sorted(ours))
        return cls(
            f"It speaks contract {spoken}, this gateway speaks {known}.",
            hint="Update the plugin or the gateway.",
        )


class NameUnknown(ContractError):
    """Too early, or another plugin on a reused address: Describe tells which."""

    key, title = "plugin-name-unknown", "The health service does not know the plugin"


class WrongPlugin(ContractError):
    key, title = "wrong-plugin", "Another plugin answered"
    permanent = True
