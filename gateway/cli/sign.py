"""``plugway sign``: vouch for a release, so that gateways that trust the key will run it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_fields, print_json, print_line
from gateway.cli.sign_what import Described, described, found_subjects
from gateway.cli.trust_words import moment, now, private_key
from gateway.model import UiType
from gateway.trust.envelope import (
    MAX_BYTES,
    MAX_SIGNATURES,
    Envelope,
    add_signatures,
    dump_envelope,
    parse_envelope,
    require_type,
    sign_payload,
)
from gateway.trust.keys import PrivateKey
from gateway.trust.statement import Statement, make_statement, parse_statement
from gateway.trust.subjects import Subjects
from gateway.trust.times import write_moment

_DIRECTORY_SAYS = "plugway.toml says it for a directory"


def sign(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WHAT...",
            help="A plugin's directory, a package (.tgz, .zip), or an image (NAME@sha256:...).",
            show_default=False,
        ),
    ] = None,
    *,
    key: Annotated[
        list[Path],
        typer.Option("--key", help="A private key's file; may be repeated.", show_default=False),
    ],
    id_: Annotated[
        str, typer.Option("--id", help=f"The plugin's id; {_DIRECTORY_SAYS}.", show_default=False)
    ] = "",
    version: Annotated[str, typer.Option(help=f"Its version; {_DIRECTORY_SAYS}.", show_default=False)] = "",
    ui: Annotated[
        Path | None,
        typer.Option(
            help="A directory with UI files that are fetched one by one, or handed out by the plugin.",
            show_default=False,
        ),
    ] = None,
    ui_type: Annotated[
        UiType | None, typer.Option(help=f"Its kind of UI; {_DIRECTORY_SAYS}.", show_default=False)
    ] = None,
    egress: Annotated[
        list[str] | None,
        typer.Option(help=f"host:port it may connect to; repeatable; {_DIRECTORY_SAYS}.", show_default=False),
    ] = None,
    volume: Annotated[
        list[str] | None,
        typer.Option(help=f"A volume that it keeps; repeatable; {_DIRECTORY_SAYS}.", show_default=False),
    ] = None,
    csp: Annotated[
        list[str] | None,
        typer.Option(
            help="What its UI may reach beside itself, as img-src=https://host; repeatable.",
            show_default=False,
        ),
    ] = None,
    contract: Annotated[
        str, typer.Option(help="Digest of its contract, sha256:...", show_default=False)
    ] = "",
    expires: Annotated[
        str,
        typer.Option(help="No installs from then on: 2027-01-31, a time in UTC, or 90d.", show_default=False),
    ] = "",
    cosign: Annotated[
        Path | None,
        typer.Option(help="Add signatures to this envelope, if it is of the same files.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Where the envelope goes; ID-VERSION.intoto.json.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a release: every file of it, and what the plugin may do.

    Writes a DSSE envelope with an in-toto statement, which goes beside the release wherever that is
    offered. Nothing is uploaded. With --cosign a further key holder signs what was signed already,
    after a look at the same files.
    """

    def act() -> None:
        subjects = found_subjects(what or [], ui)
        keys = [private_key(path) for path in key]
        if cosign is not None:
            if any((ui_type, egress, volume, csp, contract, expires)):
                detail = "With --cosign the envelope says what is signed."
                raise failure(Exit.USAGE, detail, "Leave the other options out.")
            envelope = _cosigned(cosign, subjects, keys, id_, version)
        else:
            lock = described(
                Described(id_, version, ui_type, egress or [], volume or [], csp or [], contract),
                what or [],
                signed_at=now(),
                expires=moment(expires, "--expires"),
            )
            envelope = sign_payload(make_statement(subjects, lock), keys)
        statement = parse_statement(envelope.payload)
        target = output or cosign or Path(f"{statement.lock.plugin}-{statement.lock.version}.intoto.json")
        _write(target, dump_envelope(envelope), replace=target == cosign)
        _tell(statement, envelope, target, as_json)

    raise typer.Exit(guarded(act, as_json))


def _cosigned(path: Path, subjects: Subjects, keys: list[PrivateKey], id_: str, version: str) -> Envelope:
    try:
        with path.open("rb") as file:
            envelope = parse_envelope(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise failure(Exit.USAGE, f"{path} cannot be read: {error.strerror}.") from None
    require_type(envelope)
    statement = parse_statement(envelope.payload)
    lock = statement.lock
    if (id_ and id_ != lock.plugin) or (version and version != lock.version):
        raise failure(Exit.REFUSED, f"{path} is of {lock.plugin} {lock.version}.", "Nothing was signed.")
    if statement.subjects != subjects:
        names = statement.subjects.keys() | subjects.keys()
        other = sorted(n for n in names if statement.subjects.get(n) != subjects.get(n))
        detail = f"{path} is of other files: {', '.join(other[:5])} and what is here differ."
        raise failure(Exit.REFUSED, detail, "Nothing was signed.")
    signed = add_signatures(envelope, keys)
    if len(signed.signatures) > MAX_SIGNATURES:
        raise failure(Exit.REFUSED, f"An envelope holds at most {MAX_SIGNATURES} signatures.")
    return signed


def _write(target: Path, content: bytes, *, replace: bool) -> None:
    """Whole or not at all; over another file only where ``replace``."""
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), 0o644)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                Path(temporary).replace(target)
            else:
                os.link(temporary, target)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except FileExistsError:
        detail = f"{target} exists already."
        raise failure(Exit.REFUSED, detail, "Choose another with -o, or add to it: --cosign.") from None
    except OSError as error:
        raise failure(Exit.FAILED, f"{target} cannot be written: {error.strerror}.") from None


def _tell(statement: Statement, envelope: Envelope, target: Path, as_json: bool) -> None:
    lock = statement.lock
    if as_json:
        print_json(
            {
                "envelope": str(target),
                "lock": lock.model_dump(mode="json", by_alias=True, exclude_none=True),
                "subjects": dict(statement.subjects),
                "keys": list(envelope.claimed_keys),
            }
        )
        return
    print_line(f"Signed {lock.plugin} {lock.version}; the envelope is {target}.")
    print_fields(
        [
            ("artefacts", len(statement.subjects)),
            ("egress", ", ".join(lock.permissions.egress) or "none"),
            ("volumes", ", ".join(lock.permissions.volumes) or "none"),
            ("csp", "; ".join(f"{name} {' '.join(origins)}" for name, origins in lock.csp.items())),
            ("signed at", write_moment(lock.signed_at)),
            ("expires", write_moment(lock.expires) if lock.expires else "never"),
            *(("key", id_) for id_ in envelope.claimed_keys),
        ]
    )
