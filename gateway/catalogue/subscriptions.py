"""The operator's list of catalogues: ``catalogues.toml`` in the home directory."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from gateway.catalogue.errors import BadCatalogues
from gateway.catalogue.index import NAME
from gateway.home import Home
from gateway.trust.key_line import KeyLine

FILE = "catalogues.toml"
MAX_BYTES = 2**20
MAX_CATALOGUES = 50

_HEAD = """\
# Catalogues that this gateway reads, and whose key each of them has to be signed with
# (docs/catalogue.md). Edit by hand, or with: plugway catalogue add | remove

catalogues = 1
"""


class Subscription(BaseModel):
    """One catalogue. ``index`` is the name that its own index bears, learnt when it was added."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="Of its `index.json`."
    )
    keys: Annotated[tuple[KeyLine, ...], Field(min_length=1, max_length=16)] = Field(
        description="Public keys that it has to be signed with: `ed25519:` and base64."
    )
    threshold: Annotated[int, Field(strict=True, ge=1, le=16)] = Field(
        default=1, description="How many different keys have to have signed."
    )
    index: Annotated[str, StringConstraints(pattern=f"^({NAME})?$")] = Field(
        default="", description="The name that its own index bears."
    )

    @model_validator(mode="after")
    def _can_be_met(self) -> Subscription:
        if self.threshold > len(set(self.keys)):
            raise ValueError(
                f"a threshold of {self.threshold} cannot be met by {len(set(self.keys))} different keys"
            )
        return self


Name = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]


class CatalogueFile(BaseModel):
    """``catalogues.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    catalogues: Literal[1] = Field(description="The form of this file.")
    catalogue: Annotated[dict[Name, Subscription], Field(max_length=MAX_CATALOGUES)] = Field(
        default={}, description="Catalogues, by the name that you give them."
    )


Subscriptions = dict[str, Subscription]


def parse_subscriptions(data: bytes) -> Subscriptions:
    """Raises :class:`BadCatalogues`, and nothing else."""
    if len(data) > MAX_BYTES:
        raise _bad(f"is larger than {MAX_BYTES} bytes")
    try:
        return dict(CatalogueFile.model_validate(tomllib.loads(data.decode())).catalogue)
    except ValidationError as error:
        issue = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = "/".join(str(part) for part in issue["loc"])
        raise _bad(f"does not hold: {where or 'file'}: {issue['msg']}") from None
    except RecursionError:
        raise _bad("is nested too deeply") from None
    except (UnicodeDecodeError, ValueError, OverflowError) as error:
        raise _bad(f"is not TOML: {re.sub(chr(10), ' ', str(error))}") from None


def load_subscriptions(home: Path) -> Subscriptions:
    """None where there is no file; raises :class:`BadCatalogues`. Blocking."""
    try:
        with (home / FILE).open("rb") as file:
            return parse_subscriptions(file.read(MAX_BYTES + 1))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _bad(f"cannot be read: {error.strerror}") from error


def add_subscription(home: Path, name: str, subscription: Subscription) -> None:
    """Write it into the file, whose comments stay; raises :class:`BadCatalogues`. Blocking."""

    def change(document: Any) -> None:
        import tomlkit

        entry = tomlkit.table()
        entry["url"] = subscription.url
        entry["keys"] = [key.line for key in subscription.keys]
        if subscription.threshold > 1:
            entry["threshold"] = subscription.threshold
        if subscription.index:
            entry["index"] = subscription.index
        if "catalogue" not in document:
            document["catalogue"] = tomlkit.table(is_super_table=True)
        document["catalogue"][name] = entry

    _edit(home, change)


def remove_subscription(home: Path, name: str) -> None:
    """Take it out of the file. Blocking."""

    def change(document: Any) -> None:
        document.get("catalogue", {}).pop(name, None)

    _edit(home, change)


def _edit(home: Path, change: Any) -> None:
    import tomlkit

    path = home / FILE
    load_subscriptions(home)
    if path.is_symlink():
        raise _bad("is a link, which a change would replace; edit its target")
    document = tomlkit.parse(path.read_text() if path.exists() else _HEAD)
    change(document)
    text = tomlkit.dumps(document)
    parse_subscriptions(text.encode())
    Home(home).write_private(FILE, text)


def _bad(why: str) -> BadCatalogues:
    return BadCatalogues(f"{FILE} {why}.", hint=f"Correct {FILE} in the gateway's home directory.")
