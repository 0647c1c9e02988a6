"""The policy in words: what ``plugway policy show`` and ``check`` do."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from gateway.cli.connection import home
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_fields, print_json, print_line
from gateway.cli.trust_words import now
from gateway.trust.policy import FILE, MAX_BYTES, Policy, SignerRule, load_policy, parse_policy
from gateway.trust.policy_review import key_state, review_policy
from gateway.trust.times import write_moment


def show_policy(as_json: bool) -> None:
    """Print the policy of the home; raises :class:`gateway.trust.policy.BadPolicy`."""
    found = load_policy(home())
    if as_json:
        print_json(_document(found))
        return
    there = (home() / FILE).exists()
    print_line(f"{home() / FILE}" if there else f"There is no {home() / FILE}; these are the defaults.")
    print_fields(_general(found))
    for name, signer in found.signers.items():
        print_line()
        print_line(f"signer {name}")
        print_fields(_signer(signer))
    for revoked in found.revoked_releases:
        print_line()
        print_line(f"revoked release {revoked.release}")
        print_fields([("  at", write_moment(revoked.at)), ("  reason", revoked.reason)])


def check_policy(file: Path | None, as_json: bool) -> None:
    """Print what may not be meant in a policy that holds; raises as above where it does not."""
    path = file or home() / FILE
    found = _read(file) if file is not None else load_policy(home())
    notes = [*_mode(path), *review_policy(found, now())]
    if as_json:
        print_json({"ok": True, "file": str(path), "exists": path.exists(), "notes": notes})
        return
    print_line(f"{path} holds." if path.exists() else f"There is no {path}; the defaults apply.")
    for note in notes:
        print_line(f"  note: {note}")


def _read(path: Path) -> Policy:
    try:
        with path.open("rb") as file:
            return parse_policy(file.read(MAX_BYTES + 1), where=str(path))
    except OSError as error:
        raise failure(Exit.USAGE, f"{path} cannot be read: {error.strerror}.") from None


def _mode(path: Path) -> list[str]:
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o022:
        return [f"Others can write {path}, and so decide what runs here: chmod 600 {path}"]
    return []


def _general(found: Policy) -> list[tuple[str, object]]:
    unsigned = "; ".join(
        f"{', '.join(rule.plugins)} from {', '.join(source.value for source in rule.sources)}"
        for rule in found.allow_unsigned
    )
    return [
        ("unsigned", f"let in: {unsigned}" if unsigned else "refused"),
        ("remote endpoints", "allowed" if found.remote_endpoints == "allow" else "refused"),
        ("running, then revoked", "kept and marked" if found.revoked_running == "keep" else "stopped"),
    ]


def _signer(signer: SignerRule) -> list[tuple[str, object]]:
    most = signer.permissions
    return [
        ("  plugins", ", ".join(signer.plugins)),
        ("  sources", ", ".join(source.value for source in signer.sources)),
        ("  keys needed", signer.threshold),
        ("  most egress", ", ".join(most.egress) or "none"),
        ("  most volumes", ", ".join(most.volumes) or "none"),
        (
            "  most csp",
            "; ".join(f"{name} {' '.join(origins)}" for name, origins in most.csp.items()) or "none",
        ),
        *((f"  key ({key_state(rule, now())})", rule.public.id) for rule in signer.keys),
    ]


def _document(found: Policy) -> dict[str, Any]:
    """The policy as JSON, its keys by line, with what is derived from them."""
    document: dict[str, Any] = found.model_dump(mode="json", exclude={"signers"}, exclude_none=True)
    document["signers"] = {}
    for name, signer in found.signers.items():
        told = signer.model_dump(mode="json", exclude={"keys"}, exclude_none=True)
        told["keys"] = [
            {
                "id": rule.public.id,
                "public": rule.public.line,
                "state": key_state(rule, now()),
                **rule.model_dump(mode="json", exclude={"public"}, exclude_none=True),
            }
            for rule in signer.keys
        ]
        document["signers"][name] = told
    return document
