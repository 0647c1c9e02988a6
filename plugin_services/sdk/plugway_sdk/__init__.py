"""Write a Plugway plugin: an ASGI app, a settings class, one call to serve."""

from plugway_sdk import egress
from plugway_sdk.callers import Caller, caller
from plugway_sdk.context import CallContext, current_call, volume
from plugway_sdk.egress import EgressRefused
from plugway_sdk.errors import (
    CallerUnproven,
    NoCall,
    NotConfigured,
    PluginMisdefined,
    PlugwaySdkError,
    SettingsRefused,
    VolumeUnavailable,
)
from plugway_sdk.plugin import DataPolicy, Limits, Permissions, Plugin, Rate, RouteLimit, RouteRule
from plugway_sdk.serving import serve

__version__ = "0.1.0"

__all__ = [
    "CallContext",
    "Caller",
    "CallerUnproven",
    "DataPolicy",
    "EgressRefused",
    "Limits",
    "NoCall",
    "NotConfigured",
    "Permissions",
    "Plugin",
    "PluginMisdefined",
    "PlugwaySdkError",
    "Rate",
    "RouteLimit",
    "RouteRule",
    "SettingsRefused",
    "VolumeUnavailable",
    "__version__",
    "caller",
    "current_call",
    "egress",
    "serve",
    "volume",
]
