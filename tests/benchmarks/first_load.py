"""The first load of a plugin's UI: which calls it makes to the plugin (none), and how long it takes."""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path

import httpx

from tests.fakes.contract_plugin import ContractPlugin, serve
from tests.fakes.data_plane import AUTH, endpoint, route, running_plane


async def measure() -> tuple[int, int, float]:
    """Files loaded, calls that reached the plugin, milliseconds."""
    with tempfile.TemporaryDirectory() as directory:
        address, plugin = f"unix:{directory}/p.sock", ContractPlugin()
        server = await serve(address, plugin)
        async with running_plane(Path(directory) / "home") as plane:
            files = {f"part{number}_js": b"export const x = 1;\n" * 500 for number in range(8)}
            ui = await plane.bundle(index_js=b"export function mount() {}\n" * 400, **files)
            plane.publish(route(endpoint(address), ui=ui))
            async with httpx.AsyncClient(base_url=plane.url, headers=AUTH) as client:
                started = time.perf_counter()
                frame = await client.get("/plugins/notes/ui/")
                base = re.search(r"/plugins/notes/ui/~[0-9a-f]{32}/", frame.text)
                assert frame.status_code == 200
                assert base is not None
                for name in ui.files:
                    assert (await client.get(base[0] + name)).status_code == 200
                took = time.perf_counter() - started
        await server.stop(None)
    return len(ui.files) + 1, len(plugin.calls), took * 1000
