"""What the SDK raises on purpose.

PlugwaySdkError
├── PluginMisdefined     the Plugin object cannot hold; raised where it is made
├── SettingsRefused      raised by an author's code to refuse settings field by field
├── NotConfigured        settings were asked for before any were in force
├── NoCall               the call was asked for outside of one
├── CallerUnproven       nobody vouches for who calls, or not for this plugin and release
└── VolumeUnavailable    the plugin was not given that volume
"""

from __future__ import annotations

from collections.abc import Mapping


class PlugwaySdkError(Exception):
    """Root of the SDK's own errors."""


class PluginMisdefined(PlugwaySdkError):
    """The definition of the plugin cannot hold; the message says which part."""


class SettingsRefused(PlugwaySdkError):
    """Raise it in ``on_configure`` or ``on_check``: JSON Pointers to reasons for an operator.

    The pointer ``""`` means the settings as a whole. Secrets in a reason are masked.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field or '(all)'}: {why}" for field, why in errors.items()))
        self.errors = dict(errors)


class NotConfigured(PlugwaySdkError):
    """No settings are in force yet."""


class NoCall(PlugwaySdkError):
    """There is no call in this context."""


class CallerUnproven(PlugwaySdkError):
    """Nothing proves who calls; the message says why. Answer with 401."""


class VolumeUnavailable(PlugwaySdkError):
    """The volume is not there; the message says what to declare."""
