"""A data plane with one route for each feature: ``... features_process PORT SOCKET HOME PLANE [COLLECTOR]``.

``PLANE`` is ``usual``; ``unsigned``, without a key for call tokens; ``logged``, with a line for each call; or
``traced``, with a trace of each to that address. All routes lead to the same plugin.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import uvicorn
import uvloop

from gateway.call_limits import Limits, Quotas, Rate, RouteQuota
from gateway.model import Access, PluginId, ReleaseId, RouteRule, TypedServices
from gateway.proxy.access_log import AccessLog
from gateway.proxy.app import DataPlane
from gateway.proxy.server import uvicorn_options
from gateway.proxy.split import Front
from gateway.proxy.tracing import open_tracing
from gateway.registry.boards import OutcomeBoard, SnapshotBoard
from gateway.routing import Preview, Route
from gateway.settings import Settings
from gateway.sources.store import ContentStore
from tests.benchmarks.gateway_process import with_parts
from tests.fakes.data_plane import endpoint, gatekeeper, route

_ENDLESS = Rate(per_second=1e6, burst=1_000_000)
ORIGIN = "https://app.example"


def _rules(number: int) -> tuple[RouteRule, ...]:
    return tuple(RouteRule(path_prefix=f"/part-{at}", access=Access.ADMIN) for at in range(number))


def _routes(address: str, typed: TypedServices) -> dict[PluginId, Route]:
    """By the name of the feature that a route has beyond ``plain``."""

    def made(name: str, **target: object) -> Route:
        found = route(endpoint(address, f"{name}-1"), plugin=name)
        return replace(found, targets=(replace(found.targets[0], **target),))  # type: ignore[arg-type]

    quotas = Quotas(
        rate=_ENDLESS, user_rate=_ENDLESS, user_concurrent=1000,
        routes=(RouteQuota(path="/imports", rate=_ENDLESS), RouteQuota(path="/notes", rate=_ENDLESS)),
    )  # fmt: skip
    preview = Preview(release_id=ReleaseId("r1"), header="x-preview", cookie="preview")
    templates = ("/notes/{id}", *(f"/part-{at}/{{id}}/items/{{item}}" for at in range(50)))
    routes = (
        made("plain"),
        made("open", rules=(RouteRule(path_prefix="/", access=Access.PUBLIC),)),
        made("ruled", rules=_rules(50)),
        made("templates", templates=templates),
        replace(made("limited"), limits=Limits(quotas=quotas)),
        replace(made("cors"), origins=(ORIGIN,)),
        replace(made("preview"), preview=preview),
        made("typed", typed=typed),
    )
    return {one.plugin_id: one for one in routes}


def _write_away(lines: bytes) -> None:
    with Path(os.devnull).open("wb") as nobody:
        nobody.write(lines)


async def main(port: str, socket: str, home: str, plane: str, collector: str = "") -> None:
    settings = Settings.model_validate(
        {
            "home": home,
            "access_log": "all" if plane == "logged" else "errors",
            "traces": collector if plane == "traced" else "",
            "traces_ratio": 1.0,
        }
    )
    snapshots, content, keeper = SnapshotBoard(), ContentStore(Path(home)), gatekeeper()
    if plane == "unsigned":
        keeper.board.change(call_key=None)
    data_plane = DataPlane(
        snapshots=snapshots,
        outcomes=OutcomeBoard(),
        gatekeeper=keeper.reader,
        content=content,
        settings=settings,
        asset_key=b"a" * 32,
        log=AccessLog.of(settings, _write_away),
        tracing=open_tracing(settings),
    )
    address = f"unix:{socket}"
    notes = await with_parts({PluginId("notes"): route(endpoint(address))}, content)
    typed = notes[PluginId("typed")].targets[0].typed
    assert typed is not None
    snapshots.publish(notes | _routes(address, typed))
    options = {**uvicorn_options(settings), "log_config": None, "lifespan": "off"}
    config = uvicorn.Config(Front(data_plane, data_plane), port=int(port), **options)
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
