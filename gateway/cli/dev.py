"""``plugway dev``: the code of a directory as a plugin, while it is written."""

from __future__ import annotations

import asyncio
import webbrowser
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.client import GatewayClient, plugin_path
from gateway.cli.command import JsonOption, guarded, in_order
from gateway.cli.exits import Exit, Failure, failure
from gateway.cli.follow import told, until_healthy

if TYPE_CHECKING:
    from gateway.authoring.develop import Workbench
    from gateway.cli.dev_words import Shown

_PATIENCE = 120.0


def dev(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The plugin's directory, with plugway.toml.")
    ] = Path(),
    open_page: Annotated[bool, typer.Option("--open", help="Open its page in a browser.")] = False,
    route_me: Annotated[
        bool,
        typer.Option("--route-me", help="Of an installed plugin: only your own calls come here."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a directory's code as a plugin, and again at every change, until Ctrl-C.

    It runs on this machine beside the gateway, or beside one started for it where none answers. Nothing
    stays installed. A change that does not start leaves what ran before in place.
    """

    def act() -> Exit:
        from gateway.cli.dev_words import Shown

        with suppress(KeyboardInterrupt):
            asyncio.run(in_order(_dev(directory, Shown(as_json), open_page=open_page, route_me=route_me)))
        return Exit.OK

    raise typer.Exit(guarded(act, as_json))


async def _dev(directory: Path, shown: Shown, *, open_page: bool, route_me: bool) -> None:
    from gateway.authoring.develop import Development, Listener, Workbench
    from gateway.cli.dev_gateway import found_or_started
    from gateway.cli.dev_route import OwnRoute

    bench = Workbench(directory)
    await asyncio.to_thread(bench.open)
    try:
        async with found_or_started(shown.word) as (client, url, own):

            async def replaced() -> None:
                try:
                    await (mine.renew() if route_me else client.call("POST", plugin_path(work.id, "restart")))
                except Failure as error:
                    shown.word(f"The gateway was not told: {error}")

            work = Development(bench, Listener(line=shown.line, word=shown.word, replaced=replaced))
            mine = OwnRoute(client, work.id, bench.url, shown.word)
            left = await _left_behind(client, work.id, bench, route_me=route_me)
            try:
                await work.start()
                async with AsyncExitStack() as stack:
                    if route_me:
                        stack.push_async_callback(mine.close)
                        await mine.renew()
                    else:
                        attached = _installed(client, work.id, bench, shown, left=left, keep=own)
                        await stack.enter_async_context(attached)
                    page = await _show(client, work.id, url, shown, signed_in=not own)
                    if open_page and not await asyncio.to_thread(webbrowser.open, page):
                        shown.word("No browser could be opened.")
                    await work.follow()
            finally:
                await work.close()
    finally:
        await asyncio.to_thread(bench.close)


async def _left_behind(client: GatewayClient, id_: str, bench: Workbench, *, route_me: bool) -> bool:
    """Whether a run that was killed left the plugin; raises a failure where it is anybody else's."""
    try:
        known = await client.get(plugin_path(id_))
    except Failure as error:
        if error.code is not Exit.NOT_FOUND:
            raise
        if route_me:
            raise failure(
                Exit.NOT_FOUND, f"{id_} is not installed, so nobody else calls it.", "Leave --route-me out."
            ) from None
        return False
    if route_me:
        return False
    if known["definition"].get("sourceUrl") == bench.url:
        return True
    raise failure(
        Exit.FAILED,
        f"{id_} is installed already, for everybody who uses it.",
        "Send only your own calls to yours with --route-me, or give it another id in plugway.toml.",
    )


@asynccontextmanager
async def _installed(
    client: GatewayClient, id_: str, bench: Workbench, shown: Shown, *, left: bool, keep: bool
) -> AsyncIterator[None]:
    """Attached to the gateway for as long as this lasts; ``keep`` where that ends with it anyway."""
    try:
        await _attach(client, id_, bench, shown, left=left)
        yield
    finally:
        if not keep:
            try:
                await client.call("DELETE", plugin_path(id_), query={"purge": "true"})
                shown.word(f"{id_} is taken away again.")
            except Failure as error:
                if error.code is not Exit.NOT_FOUND:
                    shown.word(f"{id_} is still installed: {error}")


async def _attach(client: GatewayClient, id_: str, bench: Workbench, shown: Shown, *, left: bool) -> None:
    if left:
        shown.word(f"{id_} was left by a run that was killed; it is taken over.")
        plugin = await until_healthy(
            client,
            id_,
            lambda: client.call("POST", plugin_path(id_, "restart")),
            patience=_PATIENCE,
            quiet=True,
        )
    else:
        definition = {"id": id_, "source": "remote", "sourceUrl": bench.url}
        found = await client.call("POST", "/api/v1/plugins/preview", definition, patience=_PATIENCE)
        path = f"/api/v1/plugins?consent={found['releaseId']}"
        plugin = await until_healthy(
            client, id_, lambda: client.call("POST", path, definition), patience=_PATIENCE, quiet=True
        )
    shown.word(told(plugin)[0])


async def _show(client: GatewayClient, id_: str, url: str, shown: Shown, *, signed_in: bool) -> str:
    """Returns what to open in a browser: the page, or first the way to sign in."""
    page = f"{url}/plugins/{id_}/open"
    shown.page("page", page)
    shown.page("API", f"{url}/plugins/{id_}/api/")
    first = page
    with suppress(Failure):  # Only for administrators.
        link = str((await client.call("POST", "/api/v1/login-links"))["url"])
        shown.page("sign in", f"{link}  (works once)")
        first = page if signed_in else link
    shown.word("Ctrl-C ends it, and leaves all as it was.")
    return first
