"""An image that the engine has, by whatever name a person gave it. All blocking."""

from __future__ import annotations

import json
from dataclasses import dataclass

from docker.errors import APIError

from gateway.errors import NotFound
from gateway.model import IMAGE_MANIFEST
from gateway.runtimes.docker_engine import Engine, plain_errors


class NoSuchImage(NotFound):
    """The engine has no image of this name."""

    key, title = "no-such-image", "There is no such image"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalImage:
    """``id`` names it for ever; ``configuration`` is a document as registries have it, in JSON."""

    id: str
    name: str
    plugin: str
    configuration: bytes


def local_image(name: str, engine_url: str = "") -> LocalImage:
    """Look it up, without a word to any registry; raises :class:`NoSuchImage` and ``RuntimeFailure``."""
    with plain_errors():
        client = Engine(engine_url).new_client()
        try:
            attrs = client.images.get(name).attrs
        except APIError as error:
            if error.status_code not in (400, 404):
                raise
            raise NoSuchImage(
                f"The engine has no image {name!r}.", hint=f"Build it, or fetch it: docker pull {name}"
            ) from None
        finally:
            client.close()
    config = attrs.get("Config") or {}
    label = (config.get("Labels") or {}).get(IMAGE_MANIFEST, "")
    document = {"os": attrs.get("Os", ""), "config": config}
    return LocalImage(
        id=str(attrs["Id"]),
        name=name.partition("@")[0].rpartition(":")[0] if ":" in name.rpartition("/")[2] else name,
        plugin=_plugin(label),
        configuration=json.dumps(document).encode(),
    )


def _plugin(label: str) -> str:
    """The id that the label names; "" where it cannot be read, which others judge."""
    try:
        document = json.loads(label)
    except ValueError:
        return ""
    return str(document.get("id", "")) if isinstance(document, dict) else ""
