"""Names and labels: deterministic, and the ground truth about what belongs to which gateway."""

from __future__ import annotations

from gateway.home import Home
from gateway.model import InstanceId, PluginId
from gateway.runtimes.base import InstanceSpec

HOME = "plugway.home"
PLUGIN = "plugway.plugin"
RELEASE = "plugway.release"
INSTANCE = "plugway.instance"
VERSION = "plugway.version"
TRANSPORT = "plugway.transport"
RECIPE = "plugway.recipe"
DIGEST = "plugway.digest"
HOME_IMAGES = "plugway-home-"


def container_name(home: Home, instance: InstanceId) -> str:
    return f"plugway.{home.id}.{instance}"


def network_name(home: Home, plugin: PluginId) -> str:
    return f"plugway.{home.id}.{plugin}"


def image_repository(home: Home, plugin: PluginId) -> str:
    """Its tags are the releases whose images this home needs. An id may end with a dash, this may not."""
    return f"{HOME_IMAGES}{home.id}/{plugin}-x"


def home_filter(home: Home) -> dict[str, str | list[str] | bool]:
    return {"label": f"{HOME}={home.id}"}


def labels(home: Home, spec: InstanceSpec, transport: str) -> dict[str, str]:
    release = spec.release
    return {
        HOME: home.id,
        PLUGIN: release.plugin_id,
        RELEASE: release.id,
        INSTANCE: spec.id,
        VERSION: release.version,
        TRANSPORT: transport,
    }
