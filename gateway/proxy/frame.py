"""The document that a plugin's UI runs in: an opaque origin that reaches nothing but its bridge.

It names the files of the bundle, or, where the UI is packed (:mod:`gateway.packing`), holds them: one module
as its last script, several as addresses (``data:``) in its import map.

What each line of the policy is for is written beside it. The console embeds the
document with the same sandbox; the policy holds also where somebody opens it alone.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gateway.packing.script import NAME
from gateway.page_origins import sources
from gateway.ui_bundles import PackedUi, UiBundle

_STATIC = Path(__file__).parent / "static"
_MODULES = (".js", ".mjs")
# What a URL would lose, or end at, and what JSON and HTML would write otherwise.
_ENCODED = re.compile(rb"""[^!-~]|[%#"<\\]""")
# Read at import: nothing here touches the disk while calls are served.
_BOOT = (_STATIC / "frame.js").read_text(encoding="utf-8").strip()
_STYLE = (_STATIC / "frame.css").read_text(encoding="utf-8").strip()

# Scripts may run and forms may fire their submit event; form-action keeps any from being sent.
SANDBOX = "allow-scripts allow-forms"
_PERMISSIONS = ", ".join(
    f"{name}=()"
    for name in (
        *("camera", "microphone", "geolocation", "display-capture", "usb", "serial", "hid"),
        *("payment", "midi", "clipboard-read", "publickey-credentials-get", "idle-detection"),
    )
)


def frame_document(
    *,
    plugin_id: str,
    name: str,
    ui: UiBundle,
    asset_base: str,
    origin: str,
    release: str = "",
    page_origins: Sequence[str] = (),
    inline: Mapping[str, str] | None = None,
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The frame for one release's UI: the document and its headers.

    ``asset_base`` is the path of the bundle under its capability, ``origin`` the
    console's (scheme, host, port). ``release`` comes back from the bridge with
    every call, so that a page meets the API of the release it was loaded from.
    ``page_origins`` are those that its release was granted, see :mod:`gateway.page_origins`.
    ``inline`` has the texts of a packed UI by their digests: the document then holds them.
    """
    packed = ui.packed if inline is not None else None
    assets = origin + asset_base.removeprefix(origin).rstrip("/") + "/"
    facts = {
        "plugin": plugin_id,
        "name": name,
        "release": release,
        "shell": origin,
        "type": ui.type.value,
        "entry": NAME + ui.entry if packed and packed.modules else assets + quote(ui.entry),
        "packed": bool(packed and packed.entry),
    }
    import_map = _script_text(_import_map(ui, assets, packed, inline or {}))
    boot = f"<script>{_BOOT}</script>"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta name="plugway" content="{html.escape(json.dumps(facts))}">',
        f"<title>{html.escape(name)}</title>",
        f"<style>{_STYLE}</style>",
        *(_style_sheet(ui, assets, path, packed, inline or {}) for path in ui.styles),
    ]
    mapped = f'<script type="importmap">{import_map}</script>'
    if packed and inline and packed.entry:
        parts += ['</head><body><div id="root"></div>', boot]
        parts += [f'<script type="module">{inline[packed.entry]}</script></body></html>']
    else:
        # The entry is asked for at once: the boot script, which imports it, waits for the style sheets.
        parts += [mapped, "" if packed else _preload(ui, assets), boot]
        parts += ['</head><body><div id="root"></div></body></html>']
    policy = _policy(
        origin,
        assets,
        page_origins,
        _script_sources(assets, import_map, packed),
        _style_sources(ui, assets, packed),
    )
    return "\n".join(parts).encode(), _headers(policy, _addresses(assets, packed))


def _script_sources(assets: str, import_map: str, packed: PackedUi | None) -> str:
    """The digests in the record, not the texts': what was changed on the disk does not run."""
    hashes = [_sha256(_BOOT)]
    if packed is None or not packed.entry:
        hashes.append(_sha256(import_map))
    if packed:
        hashes += map(_integrity_of, sorted({packed.entry, *packed.modules.values()} - {""}))
    return " ".join([*([] if packed else [assets]), *(f"'{hash_}'" for hash_ in hashes)])


def _style_sources(ui: UiBundle, assets: str, packed: PackedUi | None) -> str:
    inline = dict(packed.styles) if packed else {}
    hashes = [_sha256(_STYLE), *(_integrity_of(digest) for digest in inline.values())]
    files = [] if packed and set(ui.styles) <= set(inline) else [assets]
    return " ".join([*files, *(f"'{hash_}'" for hash_ in hashes)])


def _policy(origin: str, assets: str, page_origins: Sequence[str], scripts: str, styles: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"sandbox {SANDBOX}",
            f"script-src {scripts}",
            f"style-src {styles}",
            f"img-src {assets} data: blob:{sources(page_origins, 'img-src')}",
            f"font-src {assets} data:",
            f"media-src {assets} blob:{sources(page_origins, 'media-src')}",
            # Without a source it is as 'none'. What is shown stands in this document's sandbox, too.
            f"frame-src{sources(page_origins, 'frame-src')}",
            "connect-src 'none'",
            "form-action 'none'",
            "base-uri 'none'",
            f"frame-ancestors {origin}",
            # Strings never become markup or script by accident; a bundle that means it makes a policy.
            "require-trusted-types-for 'script'",
            "trusted-types *",
        )
    )


def _addresses(assets: str, packed: PackedUi | None) -> str:
    """A second policy, as what runs has to pass both: the addresses alone, where no digest opens others.

    In the first a digest also admits every address whose element claims it as ``integrity`` (CSP 3, *External
    JavaScript hashes*). It is asked for before it is judged, and its query would carry out what a page knows.
    """
    given = "" if packed and packed.entry else " data:" if packed else f" {assets}"
    return f"script-src 'unsafe-inline'{given}"


def _headers(*policies: str) -> list[tuple[bytes, bytes]]:
    pairs = (
        ("content-type", "text/html; charset=utf-8"),
        *(("content-security-policy", policy) for policy in policies),
        ("permissions-policy", _PERMISSIONS),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-dns-prefetch-control", "off"),
        ("cache-control", "private, no-cache"),
        ("vary", "accept-encoding"),
    )
    return [(key.encode(), value.encode()) for key, value in pairs]


def _import_map(
    ui: UiBundle, assets: str, packed: PackedUi | None, inline: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    if packed is None:
        files = {path: digest for path, digest in ui.files.items() if path.endswith(_MODULES)}
        return {"integrity": {assets + quote(path): _integrity_of(digest) for path, digest in files.items()}}
    imports = {NAME + path: _address(inline[digest]) for path, digest in packed.modules.items()}
    integrity = {imports[NAME + path]: _integrity_of(digest) for path, digest in packed.modules.items()}
    return {"imports": imports, "integrity": integrity}


def _address(text: str) -> str:
    """Not in base64, which compresses badly."""
    encoded = _ENCODED.sub(lambda match: b"%%%02X" % match[0][0], text.encode())
    return f"data:text/javascript,{encoded.decode()}"


def _style_sheet(
    ui: UiBundle, assets: str, path: str, packed: PackedUi | None, inline: Mapping[str, str]
) -> str:
    if packed and path in packed.styles:
        return f"<style>{inline[packed.styles[path]]}</style>"
    integrity = f' integrity="{_integrity_of(ui.files[path])}"' if path in ui.files else ""
    address = html.escape(assets + quote(path))
    return f'<link rel="stylesheet" href="{address}" crossorigin="anonymous"{integrity}>'


def _preload(ui: UiBundle, assets: str) -> str:
    integrity = f' integrity="{_integrity_of(ui.files[ui.entry])}"' if ui.entry in ui.files else ""
    return f'<link rel="modulepreload" href="{html.escape(assets + quote(ui.entry))}"{integrity}>'


def _integrity_of(hex_digest: str) -> str:
    return "sha256-" + base64.b64encode(bytes.fromhex(hex_digest.removeprefix("sha256:"))).decode()


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _script_text(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, sort_keys=True).replace("<", "\\u003c")
