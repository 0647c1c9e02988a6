"""``plugway policy trust | revoke | allow-unsigned``: changes of ``policy.toml``."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.cli.trust_words import moment, now, public_key, read_csp

Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--sources", help="oci, cdn, npm or remote; repeatable; all if left out.", show_default=False
    ),
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
        typer.Option(help="What their pages may load, as img-src=https://cdn.acme.example; repeatable."),
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
        from gateway.cli.policy_acts import trust_publisher
        from gateway.trust.policy_edit import SignerChange

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
        trust_publisher(name, wanted, as_json)

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
        from gateway.cli.policy_acts import revoke_one

        revoke_one(what, reason, at=moment(at, "--at") or now(), retired=retired, as_json=as_json)

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
        from gateway.cli.policy_acts import let_in

        let_in(plugins, sources or (), as_json)

    raise typer.Exit(guarded(act, as_json))
