"""serve(): the process of a plugin, from its start to SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from typing import Any

from plugway_sdk.app_host import StartupFailed
from plugway_sdk.egress_forward import set_proxy
from plugway_sdk.errors import PlugwaySdkError
from plugway_sdk.listen import Listen
from plugway_sdk.logs import log_as_json
from plugway_sdk.plugin import Plugin
from plugway_sdk.server import Server
from plugway_sdk.timing import Timing

log = logging.getLogger("plugway_sdk")


def serve(plugin: Plugin[Any]) -> None:
    """Serve until SIGTERM, then drain and return. Exits with status 1 where it cannot start.

    Reads PLUGWAY_LISTEN, PLUGWAY_TLS, PLUGWAY_INSTANCE, PLUGWAY_VOLUMES, PLUGWAY_EGRESS
    and PLUGWAY_LOG_LEVEL; without them it listens on a socket in the working directory.
    Turns the garbage collector on, and takes what exists by then out of its sight.
    """
    # What is imported by now stays: looking for garbage among it would only hold up the start, and calls.
    gc.freeze()
    gc.enable()
    log_as_json(os.environ.get("PLUGWAY_LOG_LEVEL", "info"))
    set_proxy()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(plugin))
    except (PlugwaySdkError, StartupFailed) as error:
        log.error("%s cannot start: %s", plugin.id, error)
        sys.exit(1)


async def _serve(plugin: Plugin[Any]) -> None:
    instance = os.environ.get("PLUGWAY_INSTANCE", "")
    listen = Listen.from_environment(os.environ, plugin.id)
    timing = Timing()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    # Ctrl-C in a terminal reaches the whole group; the gateway decides when its plugins end.
    loop.add_signal_handler(signal.SIGINT, (lambda: None) if instance else stopping.set)
    server = Server(plugin, listen, instance_id=instance, timing=timing)
    try:
        await server.start()
        log.info("%s %s serves on %s", plugin.id, plugin.version, listen.address)
        if not os.environ.get("PLUGWAY_LISTEN"):
            log.info(
                "no gateway started this; attach it with sourceUrl %s", listen.address.replace(":", "://", 1)
            )
        await stopping.wait()
        log.info("stopping")
    finally:
        await server.stop(timing.drain_on_signal if stopping.is_set() else 0.0)


def _loop_factory() -> Any:
    """uvloop where the plugin brings it: it halves what a call costs besides the app."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
