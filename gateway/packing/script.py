"""Modules' texts as they can stand in a document.

One module gets a last line that hands over what it exports. Several import each other by name, and each
has a name in the document's import map.

The texts are a stranger's and the parser is written in C, so this file is a program of its own: it is told
on standard input which files there are, takes no more time and memory than :data:`LIMITS`, writes no file,
is given no environment, and answers in JSON. Nothing depends on it being right about a hostile text: the page
that it helps to make runs under the same policy as any other, and a mistake breaks that page alone.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

TAKE = "__plugwayExports"
"""The function of ``gateway/proxy/static/frame.js`` that is handed the exports."""

EXPORTS = ("mount", "default", "React", "ReactDOM", "createElement", "createRoot")
"""What a console takes from an entry."""

NAME = "plugway-bundle/"
"""What several modules import each other by: this, and their paths in the bundle."""

LARGEST = 4 * 2**20
"""Bytes of all modules of a page."""

MOST = 44
"""Modules of a page. The policy has 54 bytes of each, and nginx takes 4 KiB of headers if not told more."""

LIMITS = {"CPU": 10, "AS": 2**30, "FSIZE": 0, "NPROC": 0, "CORE": 0}
"""Seconds, bytes, and counts, as in ``resource.RLIMIT_*``. Four MiB of minified code take 3 s and 350 MiB."""

# An import that needs no parser to be seen: a whole line, as people write it.
_IMPORT = re.compile(rb"""^import\b[^\n`]*["'][^"'\n]+["'];?[ \t\r]*$""", re.MULTILINE)
# The entry that the gateway writes for a module whose page is not its default export.
_NAMED = re.compile(rb"""export \* from "\./([^"\\]+)";\nexport \{ (\S+) as default \} from "\./\1";\n""")
# What an address makes of anything else (escapes, a query) is left to browsers.
_RELATIVE = re.compile(r"\.\.?/[^%?#\\]+")
_QUERY = """
(import_statement) @import
(import) @load
(meta_property) @meta
(export_statement) @export
(await_expression) @await
(for_in_statement "await" @await)
"""
# What ends the script element, and what begins the state in which its end tag is not seen.
_MARKUP = re.compile(rb"</script|<!--", re.IGNORECASE)
_FUNCTIONS = frozenset(
    {
        *("function_declaration", "function_expression", "arrow_function", "method_definition"),
        *("generator_function", "generator_function_declaration", "class_static_block"),
    }
)


class NotPackable(Exception):
    """Why the modules stay files of their own, in words for their author."""


def pack(entry: str, read: Callable[[str], bytes | None]) -> dict[str, Any]:
    """``text`` of one module, else ``modules``: texts by path; raises :class:`NotPackable`.

    ``read`` gives a module of the bundle, None where there is none of that path.
    """
    try:
        return {"text": _one(entry, read)}
    except NotPackable:
        return {"modules": pack_modules(entry, read)}


def _one(entry: str, read: Callable[[str], bytes | None]) -> str:
    data, default = read(entry) or b"", ""
    if named := _NAMED.fullmatch(data):
        module, default = (part.decode() for part in named.groups())
        data = read(posixpath.join(posixpath.dirname(entry), module)) or b""
    if len(data) > LARGEST or _IMPORT.search(data):
        raise NotPackable("it imports other modules")
    return pack_module(data, default)


def pack_modules(entry: str, read: Callable[[str], bytes | None]) -> dict[str, str]:
    """The texts of the entry and of all that it leads to, by path; raises :class:`NotPackable`."""
    texts: dict[str, str] = {}
    waiting, size = [entry], 0
    while waiting:
        path = waiting.pop()
        if path in texts:
            continue
        data = read(path)
        if data is None:
            raise NotPackable(f"it imports {path}, which is no module of the bundle")
        size += len(data)
        if size > LARGEST or len(texts) == MOST:
            raise NotPackable(f"it is larger than {LARGEST >> 20} MiB or {MOST} modules")
        try:
            texts[path], leads = _linked(data, path)
        except NotPackable as problem:
            raise problem if path == entry else NotPackable(f"{problem} ({path})") from None
        waiting += leads
    return texts


def _linked(data: bytes, path: str) -> tuple[str, list[str]]:
    """The text that imports by name, and the paths of what it imports."""
    text = _utf8(data).encode()
    found = _captures(_parsed(text))
    _without_meta(found)
    statements = [*found.get("import", ()), *found.get("export", ())]
    sources = [source for node in statements if (source := node.child_by_field_name("source"))]
    sources += [_argument(node) for node in found.get("load", ())]
    parts, end, leads = [], 0, []
    for source in sorted(sources, key=lambda node: node.start_byte):
        leads.append(_resolved(source, path))
        parts += [text[end : source.start_byte], json.dumps(NAME + leads[-1]).encode()]
        end = source.end_byte
    # Else a trace of the stack would hold each module's text, which is its address.
    last = f"\n//# sourceURL={NAME}{quote(path)}\n"
    return b"".join([*parts, text[end:]]).decode() + last, leads


def _argument(load: Node) -> Node:
    """What ``import()`` is called with."""
    arguments = load.parent.child_by_field_name("arguments") if load.parent else None
    given = [node for node in arguments.named_children if node.type != "comment"] if arguments else []
    if len(given) != 1:
        raise NotPackable("it imports in a way that could not be read")
    return given[0]


def _resolved(source: Node, path: str) -> str:
    literal = _text(source)[1:-1]
    if any(part.type != "string_fragment" for part in source.named_children) or (
        source.type not in ("string", "template_string")
    ):
        raise NotPackable("it imports what it computes")
    if not _RELATIVE.fullmatch(literal):
        raise NotPackable(f"it imports {literal[:60]!r}, which is not relative")
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), literal))


def pack_module(data: bytes, default: str = "") -> str:
    """The text for ``<script type="module">``; raises :class:`NotPackable`.

    ``default`` is the export that is handed over as the default one, where that is another.
    """
    text = _plain(data)
    tree = _parsed(text)
    found = _captures(tree)
    if found.get("import") or found.get("load"):
        raise NotPackable("it imports other modules")
    _without_meta(found)
    if any(_is_top_level(node) for node in found.get("await", ())):
        raise NotPackable("it waits (await) outside of any function")
    names = dict(pair for node in found.get("export", ()) for pair in _exported(node))
    if default and default not in names:
        raise NotPackable(f"it has no export {default}")
    if default:
        names["default"] = names[default]
    given = ", ".join(f'"{name}": {names[name]}' for name in EXPORTS if name in names)
    last = f'\n;typeof {TAKE} === "function" && {TAKE}({{ __proto__: null, {given} }});\n'
    return _without_markup(text, tree).decode() + last


def _plain(data: bytes) -> bytes:
    """As an HTML parser would hand the text on, without what it would change."""
    text = _utf8(data)
    if "\0" in text:
        raise NotPackable("it holds a NUL character")
    if TAKE in text:
        raise NotPackable(f"it uses the name {TAKE}")
    return text.replace("\r\n", "\n").replace("\r", "\n").encode()


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotPackable("it is not UTF-8") from None


def _without_meta(found: Mapping[str, list[Node]]) -> None:
    if any(node.text != b"new.target" for node in found.get("meta", ())):
        raise NotPackable("it uses import.meta")


def _parsed(text: bytes) -> Tree:
    import tree_sitter
    import tree_sitter_javascript

    tree = tree_sitter.Parser(tree_sitter.Language(tree_sitter_javascript.language())).parse(text)
    if tree.root_node.has_error:
        raise NotPackable("it could not be parsed")
    return tree


def _captures(tree: Tree) -> dict[str, list[Node]]:
    import tree_sitter

    cursor = tree_sitter.QueryCursor(tree_sitter.Query(tree.language, _QUERY))
    return cursor.captures(tree.root_node)


def _is_top_level(node: Node) -> bool:
    above = node.parent
    while above is not None:
        if above.type in _FUNCTIONS:
            return False
        above = above.parent
    return True


def _exported(node: Node) -> Iterator[tuple[str, str]]:
    """Pairs of exported and local names."""
    if node.child_by_field_name("source") is not None:
        raise NotPackable("it exports from other modules")
    is_default = any(child.type == "default" for child in node.children)
    declaration, value = node.child_by_field_name("declaration"), node.child_by_field_name("value")
    if is_default:
        named = declaration.child_by_field_name("name") if declaration else value
        if named is None or named.type != "identifier":
            raise NotPackable("its default export has no name")
        yield "default", _text(named)
    elif declaration is not None:
        for name in _declared(declaration):
            yield name, name
    for clause in node.named_children:
        if clause.type == "export_clause":
            yield from (_specified(one) for one in clause.named_children if one.type == "export_specifier")


def _specified(specifier: Node) -> tuple[str, str]:
    name = specifier.child_by_field_name("name")
    alias = specifier.child_by_field_name("alias") or name
    if name is None or alias is None or name.type != "identifier":
        raise NotPackable("its exports could not be read")
    return _text(alias).strip("'\""), _text(name)


def _declared(declaration: Node) -> Iterator[str]:
    name = declaration.child_by_field_name("name")
    if name is not None:
        yield _text(name)
    for declarator in declaration.named_children:
        if declarator.type == "variable_declarator":
            pattern = declarator.child_by_field_name("name")
            if pattern is not None:
                yield from _bound(pattern)


def _bound(pattern: Node) -> Iterator[str]:
    """The names that a pattern binds."""
    if pattern.type in ("identifier", "shorthand_property_identifier_pattern"):
        yield _text(pattern)
    elif pattern.type == "pair_pattern":
        yield from _bound_in(pattern.child_by_field_name("value"))
    elif pattern.type in ("assignment_pattern", "object_assignment_pattern"):
        yield from _bound_in(pattern.child_by_field_name("left"))
    else:
        for part in pattern.named_children:
            yield from _bound(part)


def _bound_in(part: Node | None) -> Iterator[str]:
    if part is not None:
        yield from _bound(part)


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _without_markup(text: bytes, tree: Tree) -> bytes:
    r"""``<`` as ``\x3c`` where it would be markup: it means the same in strings, templates and comments."""
    parts, end = [], 0
    for match in _MARKUP.finditer(text):
        start = match.start()
        node = tree.root_node.descendant_for_byte_range(start, start + 1)
        if node is None or not _takes_escapes(node):
            raise NotPackable("it holds markup (</script or <!--) where that cannot be written otherwise")
        parts += [text[end:start], rb"\x3c"]
        end = start + 1
    return b"".join([*parts, text[end:]])


def _takes_escapes(node: Node) -> bool:
    if node.type == "comment":
        return True
    literal = node.parent
    if node.type != "string_fragment" or literal is None:
        return False
    # A function before a template sees the text as it is written.
    tag = literal.parent if literal.type == "template_string" else None
    return tag is None or tag.type != "call_expression"


def main() -> None:
    """From ``{"entry": path, "files": {path: file}}`` to ``{"text"}``, ``{"modules"}``, or what is wrong with
    them (``{"problem"}``) or with this machine (``{"failed"}``)."""
    _limit()
    asked = json.load(sys.stdin)

    def read(path: str) -> bytes | None:
        if path not in asked["files"]:
            return None
        with Path(asked["files"][path]).open("rb") as file:
            return file.read(LARGEST + 1)

    try:
        answer = pack(asked["entry"], read)
    except NotPackable as problem:
        answer = {"problem": str(problem)}
    except OSError as error:
        answer = {"failed": str(error)}
    sys.stdout.write(json.dumps(answer))


def _limit() -> None:
    """Where the system knows such limits; the caller has a clock of its own."""
    try:
        import resource
    except ImportError:
        return
    for name, most in LIMITS.items():
        with suppress(ValueError, OSError, AttributeError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


if __name__ == "__main__":
    main()
