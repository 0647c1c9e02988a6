"""The page by itself, with a Power BI of the tests' own, at http://127.0.0.1:8090.

python plugin_services/power_bi/tests/preview.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

PLUGIN = Path(__file__).resolve().parents[1]
sys.path.append(str(PLUGIN.parents[1]))


async def main() -> None:
    from plugin_services.power_bi.tests.conftest import CloudServer
    from tests.shipped.preview import load, serve

    cloud = CloudServer(Path(tempfile.mkdtemp(prefix="plugway-power-bi-")))
    await asyncio.to_thread(cloud.start)
    try:
        await serve(load(PLUGIN), cloud.connection)
    finally:
        await asyncio.to_thread(cloud.kill)


if __name__ == "__main__":
    asyncio.run(main())
