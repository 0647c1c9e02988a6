"""UIs of plugins, from the content store: no call to the plugin."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from gateway.errors import NotFound, PlugwayError
from gateway.model import Access, PluginState
from gateway.proxy.access import Doorman
from gateway.proxy.access_log import AccessLog, Line
from gateway.proxy.assets import Assets, Content
from gateway.proxy.counters import UI, ReleaseCounts, method_class
from gateway.proxy.documents import Documents, send_document, takes_modules
from gateway.proxy.head import Head, plain_head
from gateway.proxy.headers import Pairs
from gateway.proxy.paths import has_dot_segments
from gateway.proxy.prepared import PreparedRoute
from gateway.proxy.problems import BadRequest, MethodRefused, Problem
from gateway.proxy.prompt import Prompt, PromptFiles
from gateway.routing import Target
from gateway.settings import Settings
from gateway.ui_bundles import UiBundle

_HELD_BACK = (PluginState.DISABLED, PluginState.QUARANTINED)
_NOT_LET_IN = (401, 403)
_REMEMBERED = 1024


class NoSuchFile(NotFound):
    key, title = "no-such-file", "No such file in this UI"


class NoUi(NotFound):
    key, title = "no-ui", "The plugin has no user interface"


class _Asked:
    """What is asked for. Most files are answered without a look at the head, which costs as much as they."""

    __slots__ = ("_head", "_headers")

    def __init__(self, headers: Pairs) -> None:
        self._headers = headers
        self._head: Head | None = None

    @property
    def head(self) -> Head:
        if self._head is None:
            self._head = plain_head(self._headers)
        return self._head


class _Answer:
    """Passes an answer on, and knows its status and the seconds until it began."""

    __slots__ = ("_send", "_started", "sent", "status", "took")

    def __init__(self, send: Any) -> None:
        self._send = send
        self._started = time.perf_counter()
        self.status = 500
        self.took = 0.0
        self.sent = 0

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.took = time.perf_counter() - self._started
        else:
            self.sent += len(message["body"])
        await self._send(message)


class UiFiles:
    """The frame, and the files of the bundles: by session, or by a capability in the path.

    A frame has an opaque origin and hence no cookie; the capability, a keyed hash of
    plugin and bundle, is what its requests show instead. It gives away one bundle only.
    """

    def __init__(
        self,
        content: Content,
        doorman: Doorman,
        settings: Settings,
        asset_key: bytes,
        log: AccessLog | None,
        find: Callable[[bytes], PreparedRoute | None],
        busy: Callable[[], bool],
    ) -> None:
        self._assets = Assets(content)
        self._prompt = PromptFiles(self._assets, find, busy)
        self._documents = Documents(content)
        self._judge = doorman.judge
        self._public_url = settings.public_url.rstrip("/")
        self._key = asset_key
        self._log = log
        # Bundles that pages still use, also after a newer release has replaced them.
        self._bundles: dict[bytes, UiBundle] = {}

    @property
    def prompt(self) -> Prompt | None:
        """What answers at once; None where each call has a line in the log."""
        return None if self._log is not None and self._log.all_calls else self._prompt.answer

    async def serve(self, route: PreparedRoute, path: bytes, scope: Any, send: Any) -> None:
        """Answer ``/plugins/{id}/ui{path}``."""
        asked, answer = _Asked(scope["headers"]), _Answer(send)
        digest = ""
        try:
            digest = await self._serve(route, path, asked, scope, answer)
        except PlugwayError as error:
            request_id = asked.head.request_id.encode()
            if error.status in _NOT_LET_IN:
                # Like calls that the gateway did not pass on.
                await Problem(error).send(send, request_id)
                return
            await Problem(error).send(answer, request_id)
        counts = _counts(route, digest)
        if counts is not None:
            counts.route(UI).count(method_class(scope["method"]), answer.status, answer.took)
        if self._log is not None and (self._log.all_calls or answer.status >= 500):
            head, plugin, method = asked.head, route.route.plugin_id, scope["method"]
            who = (head.request_id, head.trace_id, plugin, "", UI, method)
            self._log.add(Line(time.time(), *who, answer.status, answer.took, answer.sent, ""))

    async def _serve(self, route: PreparedRoute, path: bytes, asked: _Asked, scope: Any, send: Any) -> str:
        """The digest of the bundle that it came from."""
        plugin = route.route.plugin_id
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodRefused("A UI is only read: GET and HEAD.", plugin=plugin, allow="GET, HEAD")
        if has_dot_segments(path) or b"\\" in path or b"\0" in path or b"%00" in path:
            raise BadRequest("The path of a file must not contain '.' or '..' as a segment.", plugin=plugin)
        if path.startswith(b"/~"):
            capability, _, name = path[2:].partition(b"/")
            bundle = self._bundle_of(route, capability)
            file = _file(bundle, name, plugin)
            await self._assets.send(bundle, file, scope, send, shared=True)
            counts = _counts(route, bundle.digest)
            if counts is not None:
                self._prompt.remember(scope["raw_path"], route, bundle.files[file], file, counts.route(UI))
            return bundle.digest
        head = asked.head
        judged = self._judge(Access.USER, scope["method"], head, scope["headers"], plugin)
        if isinstance(judged, PlugwayError):
            raise judged
        target, bundle = self._current(route, head, scope["headers"])
        if path == b"":
            await _redirect(route, scope, send)
        elif path == b"/":
            await self._frame(route, target, bundle, head, scope, send)
        else:
            await self._assets.send(bundle, _file(bundle, path[1:], plugin), scope, send, shared=False)
        return bundle.digest

    def _current(self, route: PreparedRoute, head: Head, headers: Pairs) -> tuple[Target, UiBundle]:
        """The bundle for a page that begins now."""
        if route.route.state in _HELD_BACK and route.problem is not None:
            raise route.unavailable
        chosen = route.choose(head.release, headers)
        if chosen is not None and chosen.target.ui is not None:
            return chosen.target, chosen.target.ui
        for target, bundle in route.uis:
            return target, bundle
        if route.problem is not None:
            raise route.unavailable
        raise NoUi(f"{route.route.plugin_id} has no user interface.", plugin=route.route.plugin_id)

    async def _frame(
        self, route: PreparedRoute, target: Target, ui: UiBundle, head: Head, scope: Any, send: Any
    ) -> None:
        plugin = route.route.plugin_id
        capability = self.capability(plugin, ui)
        self._remember(plugin.encode() + b"~" + capability, ui)
        base = f"/plugins/{plugin}/ui/~{capability.decode()}"
        name = route.route.name or plugin
        if ui.packed and ui.packed.modules and not takes_modules(scope["headers"]):
            ui = replace(ui, packed=None)
        document = await self._documents.get(plugin, name, target, ui, base, self._origin(head, scope))
        await send_document(document, head.request_id, scope, send)

    def capability(self, plugin: str, ui: UiBundle) -> bytes:
        """What a path must show to read this bundle without a session."""
        mac = hmac.new(self._key, f"{plugin}{ui.digest}".encode(), hashlib.sha256)
        return mac.hexdigest()[:32].encode()

    def _bundle_of(self, route: PreparedRoute, capability: bytes) -> UiBundle:
        key = route.route.plugin_id.encode() + b"~"
        if (known := self._bundles.get(key + capability)) is not None:
            return known
        for ui in route.bundles:
            expected = self.capability(route.route.plugin_id, ui)
            if hmac.compare_digest(expected, capability):
                self._remember(key + expected, ui)
                return ui
        raise NoSuchFile("No such bundle.", plugin=route.route.plugin_id)

    def _remember(self, key: bytes, ui: UiBundle) -> None:
        if len(self._bundles) >= _REMEMBERED and key not in self._bundles:
            self._bundles.pop(next(iter(self._bundles)))
            self._prompt.forget()
        self._bundles[key] = ui

    def _origin(self, head: Head, scope: Any) -> str:
        if self._public_url:
            parts = urlsplit(self._public_url)
            return f"{parts.scheme}://{parts.netloc}"
        return f"{scope['scheme']}://{head.host.decode('latin-1')}"


def _counts(route: PreparedRoute, digest: str) -> ReleaseCounts | None:
    """Those of the release that the bundle is of, else of the plugin's newest."""
    return route.ui_counts.get(digest) or (route.known.counts if route.known else None)


def _file(bundle: UiBundle, name: bytes, plugin: str) -> str:
    """The bundle's name for a path. Only listed names exist, so no path leads out of it."""
    try:
        path = unquote(name.decode("ascii"), errors="strict")
    except UnicodeDecodeError:
        path = ""
    if path not in bundle.files:
        raise NoSuchFile("This bundle has no file of that name.", plugin=plugin)
    return path


async def _redirect(route: PreparedRoute, scope: Any, send: Any) -> None:
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    location = b"/plugins/" + route.route.plugin_id.encode() + b"/ui/" + query
    headers = [(b"location", location), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 308, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
