"""Making and signing a catalogue's index: what ``plugway catalogue make | cosign`` do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from gateway.catalogue.index import PAYLOAD_TYPE, Index
from gateway.catalogue.make import make_payload, next_serial, read_index_file
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_fields, print_json, print_line
from gateway.cli.trust_words import moment, now, private_key
from gateway.cli.whole_file import write_whole
from gateway.trust.envelope import (
    MAX_BYTES,
    MAX_SIGNATURES,
    Envelope,
    add_signatures,
    dump_envelope,
    sign_payload,
)
from gateway.trust.times import write_moment

_DAYS = 30


def make_index(
    directory: Path, keys: list[Path], output: Path | None, *, expires: str, serial: int, as_json: bool
) -> None:
    """Write and sign the index of a directory; raises a failure, or what the parts raise."""
    target = output or directory / "index.json"
    issued = now()
    payload = make_payload(
        directory,
        serial=serial or next_serial(_read(target), issued.timestamp()),
        issued=issued,
        expires=moment(expires, "--expires") or issued + timedelta(days=_DAYS),
    )
    envelope = sign_payload(payload, [private_key(path) for path in keys], PAYLOAD_TYPE)
    _finish(target, envelope, as_json)


def cosign_index(file: Path, keys: list[Path], *, as_json: bool) -> None:
    """Sign an index that others have signed; raises as above."""
    data = _read(file)
    if not data:
        raise failure(Exit.USAGE, f"{file} cannot be read: there is no such file.")
    envelope, _ = read_index_file(data)
    signed = add_signatures(envelope, [private_key(path) for path in keys])
    if len(signed.signatures) > MAX_SIGNATURES:
        raise failure(Exit.REFUSED, f"An index holds at most {MAX_SIGNATURES} signatures.")
    _finish(file, signed, as_json)


def _read(path: Path) -> bytes:
    """Empty where there is no file."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise failure(Exit.USAGE, f"{path} cannot be read: {error.strerror}.") from None


def _finish(target: Path, envelope: Envelope, as_json: bool) -> None:
    content = dump_envelope(envelope)
    if len(content) > MAX_BYTES:
        raise failure(Exit.REFUSED, f"The index has {len(content)} bytes; {MAX_BYTES} are the most.")
    _, index = read_index_file(content)
    write_whole(target, content)
    _tell(target, index, envelope, as_json)


def _tell(target: Path, index: Index, envelope: Envelope, as_json: bool) -> None:
    versions = sum(len(plugin.versions) for plugin in index.plugins.values())
    facts = {
        "name": index.name,
        "serial": index.serial,
        "plugins": len(index.plugins),
        "versions": versions,
        "expires": write_moment(index.expires),
        "keys": list(envelope.claimed_keys),
    }
    if as_json:
        print_json({"index": str(target), **facts})
        return
    print_line(f"Signed; the index is {target}.")
    print_fields(
        (name, ", ".join(value) if isinstance(value, list) else value) for name, value in facts.items()
    )
