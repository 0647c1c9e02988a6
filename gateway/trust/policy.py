"""The operator's policy: whose releases may run, and what they may do. ``policy.toml`` in the home.

Without a file: plugins shipped with the gateway run, endpoints that the operator names by hand are
called, and everything else has to be signed by a known signer, of whom there is none yet.
"""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from gateway.errors import BadInput
from gateway.model import DIGEST, PLUGIN_ID, Permissions, Source
from gateway.trust.key_line import KeyLine
from gateway.trust.keys import PublicKey
from gateway.trust.statement import Directive

FILE = "policy.toml"
MAX_BYTES = 2**20

_TEXT = Annotated[str, StringConstraints(max_length=500)]
SIGNER_NAME = r"[a-z0-9][a-z0-9._-]{0,62}"
SignerName = Annotated[str, StringConstraints(pattern=f"^{SIGNER_NAME}$")]
PluginPattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*?-]{1,63}$")]
Pattern = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,300}$")]
REVOKED_NAME = rf"{PLUGIN_ID.pattern}-[0-9a-f]{{12}}|{DIGEST.pattern}"
RevokedName = Annotated[str, StringConstraints(pattern=f"^({REVOKED_NAME})$")]


class BadPolicy(BadInput):
    """``policy.toml`` cannot hold. Nothing external is installed or started until it does."""

    key, title = "bad-policy", "The trust policy does not hold"


def _external(value: Any) -> Source:
    if not isinstance(value, str) or value not in EXTERNAL:
        raise ValueError(f"must be one of {', '.join(EXTERNAL)}")
    return Source(value)


EXTERNAL = tuple(source.value for source in Source if source is not Source.BUILT_IN)
"""Sources whose releases are signed; of ``remote`` the pages, as of what runs there no bytes are here."""

ExternalSource = Annotated[
    Source, BeforeValidator(_external), WithJsonSchema({"type": "string", "enum": list(EXTERNAL)})
]
Moment = Annotated[AwareDatetime, Field(strict=True)]
_ALL = tuple(Source(name) for name in EXTERNAL)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Scope(_Part):
    """Plugins by pattern (``*`` and ``?``), sources by name; all external ones if left out."""

    plugins: Annotated[tuple[PluginPattern, ...], Field(min_length=1, max_length=256)] = Field(
        description="Ids, with `*` and `?`."
    )
    sources: Annotated[tuple[ExternalSource, ...], Field(min_length=1)] = Field(
        default=_ALL, description="From where: all external sources if left out."
    )

    def has_plugin(self, plugin: str) -> bool:
        return any(fnmatchcase(plugin, pattern) for pattern in self.plugins)


class Ceiling(_Part):
    """The most that a signer may let a plugin do. Patterns with ``*`` and ``?``.

    A volume is only the plugin's own directory, hence allowed; connections and origins are not.
    """

    egress: Annotated[tuple[Pattern, ...], Field(max_length=256)] = Field(
        default=(), description="Destinations, `host:port`; `settings:*` for hosts that you set yourself."
    )
    volumes: Annotated[tuple[Pattern, ...], Field(max_length=256)] = Field(
        default=("*",), description="Names of volumes; all if left out."
    )
    csp: dict[Directive, Annotated[tuple[Pattern, ...], Field(max_length=256)]] = Field(
        default={},
        description="What pages load from other hosts: for `img-src`, `media-src` and `frame-src`.",
    )

    def exceeded_by(self, permissions: Permissions) -> tuple[str, ...]:
        """What lies above, in words."""
        wanted = [("connect to", e, self.egress) for e in permissions.egress]
        wanted += [("keep the volume", v, self.volumes) for v in permissions.volumes]
        most = {str(name): patterns for name, patterns in self.csp.items()}
        for text in permissions.origins:
            directive, _, origin = text.partition(" ")
            wanted.append((directive, origin, most.get(directive, ())))
        return tuple(
            f"{what} {value}"
            for what, value, patterns in wanted
            if not any(fnmatchcase(value, pattern) for pattern in patterns)
        )


class KeyRevocation(_Part):
    """From ``at`` on the key counts no more.

    ``compromised``: nothing it has signed counts, whatever time it says, but for releases that this
    gateway accepted before ``at``. Otherwise it was only retired, and what it signed before stays good.
    """

    at: Moment = Field(description="From when on.")
    reason: Annotated[_TEXT, StringConstraints(min_length=1)] = Field(description="Why, for people.")
    compromised: Annotated[bool, Field(strict=True)] = Field(
        default=True, description="Whether somebody else may have it; `false` where it was only retired."
    )


class KeyRule(_Part):
    """A signer's key; ``valid_until`` is the first moment at which it may no longer sign."""

    public: KeyLine = Field(
        description="`ed25519:` and base64, as `plugway key show` prints it, or the PEM text."
    )
    valid_from: Moment | None = Field(default=None, description="It signs from then on; always if left out.")
    valid_until: Moment | None = Field(
        default=None, description="It signs before that moment; for ever if left out."
    )
    revoked: KeyRevocation | None = Field(default=None, description="That it counts no more.")

    @model_validator(mode="after")
    def _ordered(self) -> KeyRule:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("valid_from must lie before valid_until")
        return self


class SignerRule(Scope):
    """One publisher: ``threshold`` different keys of theirs have to sign."""

    threshold: Annotated[int, Field(strict=True, ge=1, le=16)] = Field(
        default=1, description="How many different keys have to sign."
    )
    permissions: Ceiling = Field(default=Ceiling(), description="The most that they may grant.")
    keys: Annotated[tuple[KeyRule, ...], Field(min_length=1, max_length=64)] = Field(
        description="The keys that they sign with."
    )

    @model_validator(mode="after")
    def _enough_keys(self) -> SignerRule:
        different = len({rule.public for rule in self.keys})
        if different < len(self.keys):
            raise ValueError("the same key stands here twice")
        if self.threshold > different:
            raise ValueError(f"a threshold of {self.threshold} cannot be met by {different} keys")
        return self


class RevokedRelease(_Part):
    """A release by its id, or by the digest of any of its artefacts."""

    release: RevokedName = Field(description="The release's id, or an artefact's digest.")
    at: Moment = Field(description="From when on.")
    reason: Annotated[_TEXT, StringConstraints(min_length=1)] = Field(description="Why, for people.")


class Policy(_Part):
    """Whose releases may run, and what they may do."""

    policy: Literal[1] = Field(default=1, description="The form of this file.")
    revoked_running: Literal["keep", "stop"] = Field(
        default="keep",
        description="Whether a running release that is trusted no more is kept, marked as such, or stopped.",
    )
    remote_endpoints: Literal["allow", "refuse"] = Field(
        default="allow", description="Whether plugins may be used at endpoints that others run."
    )
    signers: Annotated[dict[SignerName, SignerRule], Field(max_length=256)] = Field(
        default={}, description="Publishers, by the name that you give them."
    )
    allow_unsigned: Annotated[tuple[Scope, ...], Field(max_length=256)] = Field(
        default=(), description="What runs without a signature."
    )
    revoked_releases: Annotated[tuple[RevokedRelease, ...], Field(max_length=4096)] = Field(
        default=(), description="Releases that are refused, whoever signed them."
    )

    @model_validator(mode="after")
    def _one_owner(self) -> Policy:
        # Otherwise a key that was revoked here would go on counting there.
        owners: dict[PublicKey, str] = {}
        for name, signer in self.signers.items():
            for rule in signer.keys:
                if (other := owners.setdefault(rule.public, name)) != name:
                    raise ValueError(f"the key {rule.public.id} belongs to {other} and to {name}")
        return self

    def allows_unsigned(self, plugin: str, source: Source) -> bool:
        return any(rule.has_plugin(plugin) and source in rule.sources for rule in self.allow_unsigned)

    def owner_of(self, key_id: str) -> tuple[str, KeyRule] | None:
        """The signer with the key of this id."""
        for name, signer in self.signers.items():
            for rule in signer.keys:
                if rule.public.id == key_id:
                    return name, rule
        return None


def parse_policy(data: bytes, *, where: str = FILE) -> Policy:
    """Read a policy; raises :class:`BadPolicy`, with a reason for each field, and nothing else."""
    if len(data) > MAX_BYTES:
        raise BadPolicy(f"{where} is larger than {MAX_BYTES} bytes.", hint=_HINT)
    try:
        return Policy.model_validate(tomllib.loads(data.decode()))
    except ValidationError as error:
        fields = {
            "/" + "/".join(str(part) for part in issue["loc"]): _plain(issue["type"], str(issue["msg"]))
            for issue in error.errors(include_url=False, include_input=False, include_context=False)
        }
        said = "; ".join(f"{name[1:] or 'file'}: {text}" for name, text in fields.items())
        raise BadPolicy(f"{where} does not hold: {said}.", fields=fields, hint=_HINT) from None
    except RecursionError:
        raise BadPolicy(f"{where} is nested too deeply.", hint=_HINT) from None
    except (UnicodeDecodeError, ValueError, OverflowError) as error:
        raise BadPolicy(f"{where} is not TOML: {_one_line(error)}.", hint=_HINT) from None


def load_policy(home: Path) -> Policy:
    """The policy of a home directory, or the defaults where it has none; raises :class:`BadPolicy`.

    Blocking. A file that is there and cannot be read is an error, never the defaults.
    """
    path = home / FILE
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Policy()
    except OSError as error:
        raise BadPolicy(f"{path} cannot be read: {error.strerror}.", hint=_HINT) from error
    return parse_policy(data, where=str(path))


def _plain(kind: str, message: str) -> str:
    words = {"missing": "is missing", "extra_forbidden": "unknown field"}
    return words.get(kind, _one_line(message.removeprefix("Value error, ")))


def _one_line(said: object) -> str:
    return re.sub(r"\s+", " ", str(said)).rstrip(".")


_HINT = "Correct it, then look at it again: plugway policy check."
