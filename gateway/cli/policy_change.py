"""``plugway policy trust | revoke | allow-unsigned``: changes of ``policy.toml``."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.cli.connection import home
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_json, print_line
from gateway.cli.sign_what import read_csp
from gateway.cli.trust_words import moment, now, public_key
from gateway.trust.keys import PublicKey
from gateway.trust.policy import FILE, REVOKED_NAME, SIGNER_NAME, Policy, load_policy
from gateway.trust.policy_edit import (
    SignerChange,
    allow_unsigned,
    edit_policy,
    revoke_key,
    revoke_release,
    trust_signer,
)

_SHORTEST_ID = 8

Sources = Annotated[
    list[str] | None,
    typer.Option("--sources", help="oci, cdn or npm; repeatable; all if left out.", show_default=False),
]


def trust(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The publisher, in a word of your own.")],
    key: Annotated[
        list[str] | None,
        typer.Option(help="Their .pub file, or 'ed25519:...'; repeatable.", show_default=False),
    ] = None,
    plugins: Annotated[
        list[str] | None,
        typer.Option(help="Plugin ids they may sign, as 'acme-*'; repeatable.", show_default=False),
    ] = None,
    sources: Sources = None,
    threshold: Annotated[
        int, typer.Option(min=0, max=16, help="How many different keys have to sign.", show_default=False)
    ] = 0,
    egress: Annotated[
        list[str] | None,
        typer.Option(help="host:port their plugins may connect to, as '*.acme.example:443'; repeatable."),
    ] = None,
    volumes: Annotated[
        list[str] | None, typer.Option(help="Volumes their plugins may keep; all if left out; repeatable.")
    ] = None,
    csp: Annotated[
        list[str] | None,
        typer.Option(help="What their UIs may reach, as img-src=https://cdn.acme.example; repeatable."),
    ] = None,
    valid_from: Annotated[
        str, typer.Option(help="The keys count for what is signed from then on (UTC).", show_default=False)
    ] = "",
    valid_until: Annotated[
        str, typer.Option(help="And for what is signed before then; 365d is days.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Trust a publisher's releases, or add to what they may do.

    For a publisher who is in the policy already, keys, plugins, sources and rights are added to
    those that are there. So a key is rotated by adding the new one, and revoking the old.
    """

    def act() -> None:
        if not re.fullmatch(SIGNER_NAME, name):
            raise failure(
                Exit.USAGE, f"'{name}' cannot be a name.", "Small letters, digits, '.', '_' and '-'."
            )
        known = name in load_policy(home()).signers
        if not known and not (key and plugins):
            raise failure(
                Exit.USAGE,
                f"{name} is not in the policy yet.",
                "Give --key FILE.pub and --plugins 'PATTERN'.",
            )
        wanted = SignerChange(
            keys=[public_key(text) for text in key or ()],
            valid_from=moment(valid_from, "--valid-from"),
            valid_until=moment(valid_until, "--valid-until"),
            plugins=plugins or (),
            sources=sources or (),
            threshold=threshold,
            egress=egress or (),
            volumes=volumes or (),
            csp=read_csp(csp or []),
        )
        changed = edit_policy(home(), trust_signer(name, wanted))
        _tell(f"{name} is trusted for {', '.join(changed.signers[name].plugins)}.", as_json)

    raise typer.Exit(guarded(act, as_json))


def revoke(
    what: Annotated[
        str,
        typer.Argument(
            metavar="KEYID|RELEASE",
            help="A key's id (8 or more of its digits), a release's id, or an artefact's sha256:...",
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why; shown with every refusal.", show_default=False)],
    at: Annotated[str, typer.Option(help="Since when (UTC); now if left out.", show_default=False)] = "",
    retired: Annotated[
        bool,
        typer.Option(
            "--retired", help="The key was only replaced: what it signed before stays good, by its own word."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take trust back from a key, or from one release.

    A revoked key counts for nothing it has signed, whatever time that says, but for releases that this
    gateway accepted before. What becomes of running ones is revoked_running in policy.toml.
    """

    def act() -> None:
        found = load_policy(home())
        when = moment(at, "--at") or now()
        if re.fullmatch(REVOKED_NAME, what):
            if retired:
                raise failure(Exit.USAGE, "Only keys are retired.", "Leave --retired out.")
            edit_policy(home(), revoke_release(what, at=when, reason=reason))
            _tell(f"The release {what} is revoked.", as_json, _running(found))
            return
        key = _key(found, what)
        edit_policy(home(), revoke_key(key, at=when, reason=reason, compromised=not retired))
        _tell(f"The key {key.id} is {'retired' if retired else 'revoked'}.", as_json, _running(found))

    raise typer.Exit(guarded(act, as_json))


def allow(
    plugins: Annotated[
        list[str],
        typer.Option(help="Plugin ids, as 'dev-*'; repeatable.", show_default=False),
    ],
    sources: Sources = None,
    as_json: JsonOption = False,
) -> None:
    """Let unsigned releases in. They are shown as not verified, everywhere."""

    def act() -> None:
        edit_policy(home(), allow_unsigned(plugins, sources or ()))
        _tell(f"Unsigned releases of {', '.join(plugins)} are let in.", as_json)

    raise typer.Exit(guarded(act, as_json))


def _key(found: Policy, prefix: str) -> PublicKey:
    if not re.fullmatch(rf"[0-9a-f]{{{_SHORTEST_ID},64}}", prefix):
        detail = f"'{prefix}' is no id of a key or a release, and no digest."
        raise failure(Exit.USAGE, detail, "See the ids: plugway policy show")
    keys = [rule.public for signer in found.signers.values() for rule in signer.keys]
    fitting = [key for key in keys if key.id.startswith(prefix)]
    if len(fitting) != 1:
        many = "More than one key in the policy begins" if fitting else "No key in the policy begins"
        raise failure(Exit.NOT_FOUND, f"{many} with {prefix}.", "See: plugway policy show")
    return fitting[0]


def _running(found: Policy) -> str:
    if found.revoked_running == "stop":
        return "What runs of it is stopped."
    return 'What runs of it is kept, and marked; set revoked_running = "stop" in policy.toml to stop it.'


def _tell(words: str, as_json: bool, more: str = "") -> None:
    if as_json:
        print_json({"changed": str(home() / FILE), "detail": words})
        return
    print_line(words)
    if more:
        print_line(f"  {more}")
