"""Programs that the gateway starts while it is connected."""

from __future__ import annotations

import subprocess
import sys

_GATEWAY = """
import asyncio, sys
import gateway
import grpc, uvloop

async def main():
    server = grpc.aio.server()
    server.add_insecure_port("127.0.0.1:0")
    await server.start()
    for _ in range(3):
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
        assert await child.wait() == 0
    await server.stop(None)

uvloop.run(main())
"""


def test_grpc_says_nothing_of_programs_that_are_started() -> None:
    ran = subprocess.run([sys.executable, "-c", _GATEWAY], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
