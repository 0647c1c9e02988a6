"""Test a plugin over the real contract, on a real socket, in one line:

async with harness(plugin, settings={"password": "hunter2"}) as client:
    answer = await client.get("/notes")
    assert answer.status_code == 200
"""

from plugway_sdk.testing.answers import Answer, Headers, ServerSentEvent
from plugway_sdk.testing.client import PluginClient
from plugway_sdk.testing.harness import harness
from plugway_sdk.testing.process import PluginProcess, plugin_process
from plugway_sdk.testing.streams import StreamedAnswer
from plugway_sdk.testing.websocket import WebSocketSession
from plugway_sdk.timing import Timing

__all__ = [
    "Answer",
    "Headers",
    "PluginClient",
    "PluginProcess",
    "ServerSentEvent",
    "StreamedAnswer",
    "Timing",
    "WebSocketSession",
    "harness",
    "plugin_process",
]
