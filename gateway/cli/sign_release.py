"""Signing a release: what ``plugway sign`` does."""

from __future__ import annotations

from pathlib import Path

from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_fields, print_json, print_line
from gateway.cli.sign_options import Options
from gateway.cli.sign_what import described, found_subjects
from gateway.cli.trust_words import moment, now, private_key
from gateway.durable import write_whole
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


def sign_release(said: Options, as_json: bool) -> None:
    """Write the envelope and tell of it; raises a failure, or a refusal, and then writes nothing."""
    subjects = found_subjects(said.what, said.ui, said.export)
    keys = [private_key(path) for path in said.keys]
    if said.cosign is not None:
        envelope = _cosigned(said.cosign, said, subjects, keys)
    else:
        envelope = _new(said, subjects, keys)
    statement = parse_statement(envelope.payload)
    lock = statement.lock
    target = said.output or said.cosign or Path(f"{lock.plugin}-{lock.version}.intoto.json")
    _write(target, dump_envelope(envelope), replace=target == said.cosign)
    _tell(statement, envelope, target, as_json)


def _new(said: Options, subjects: Subjects, keys: list[PrivateKey]) -> Envelope:
    lock = described(said, signed_at=now(), expires=moment(said.expires, "--expires"))
    return sign_payload(make_statement(subjects, lock), keys)


def _cosigned(path: Path, said: Options, subjects: Subjects, keys: list[PrivateKey]) -> Envelope:
    if any((said.ui_type, said.egress, said.volumes, said.csp, said.contract, said.expires)):
        detail = "With --cosign the envelope says what is signed."
        raise failure(Exit.USAGE, detail, "Leave the other options out.")
    try:
        with path.open("rb") as file:
            envelope = parse_envelope(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise failure(Exit.USAGE, f"{path} cannot be read: {error.strerror}.") from None
    require_type(envelope)
    statement = parse_statement(envelope.payload)
    lock = statement.lock
    if (said.id and said.id != lock.plugin) or (said.version and said.version != lock.version):
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
        write_whole(target, content, 0o644, replace=replace)
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
