"""Adds every command to ``plugway`` but ``serve``, which comes from the composition root above."""

from __future__ import annotations

from gateway.cli.abort import abort
from gateway.cli.audit import audit
from gateway.cli.backup import backup
from gateway.cli.bundle import bundle
from gateway.cli.catalogue import catalogue
from gateway.cli.check import check
from gateway.cli.configure import configure
from gateway.cli.dev import dev
from gateway.cli.disable import disable
from gateway.cli.doctor import doctor
from gateway.cli.enable import enable
from gateway.cli.info import info
from gateway.cli.install import install
from gateway.cli.key import key
from gateway.cli.limits import limits
from gateway.cli.list import list_plugins
from gateway.cli.lock import lock
from gateway.cli.logs import logs
from gateway.cli.new import new
from gateway.cli.pause import pause
from gateway.cli.pin import pin
from gateway.cli.policy import policy
from gateway.cli.program import AUTHORS, GATEWAY, PLUGINS, ROLLOUTS, TRUST, app
from gateway.cli.promote import promote
from gateway.cli.record import record
from gateway.cli.registry import registry
from gateway.cli.replay import replay
from gateway.cli.restart import restart
from gateway.cli.restore import restore
from gateway.cli.resume import resume
from gateway.cli.rollback import rollback
from gateway.cli.rollout import rollout
from gateway.cli.rollout_defaults import rollout_defaults
from gateway.cli.search import search
from gateway.cli.sign import sign
from gateway.cli.status import status
from gateway.cli.token import token
from gateway.cli.uninstall import uninstall
from gateway.cli.unpin import unpin
from gateway.cli.update import update
from gateway.cli.verify import verify

__all__ = ["app"]

app.command("list", rich_help_panel=PLUGINS)(list_plugins)
app.command(rich_help_panel=PLUGINS)(status)
app.command(rich_help_panel=PLUGINS)(install)
app.command(rich_help_panel=PLUGINS)(uninstall)
app.command(rich_help_panel=PLUGINS)(enable)
app.command(rich_help_panel=PLUGINS)(disable)
app.command(rich_help_panel=PLUGINS)(configure)
app.command(rich_help_panel=PLUGINS)(limits)
app.command(rich_help_panel=PLUGINS)(restart)
app.command(rich_help_panel=PLUGINS)(logs)
app.command(rich_help_panel=PLUGINS)(search)
app.command(rich_help_panel=PLUGINS)(info)
app.add_typer(catalogue, name="catalogue", rich_help_panel=PLUGINS)
app.add_typer(bundle, name="bundle", rich_help_panel=PLUGINS)
app.command(rich_help_panel=AUTHORS)(new)
app.command(rich_help_panel=AUTHORS)(dev)
app.command(rich_help_panel=AUTHORS)(check)
app.command(rich_help_panel=AUTHORS)(record)
app.command(rich_help_panel=AUTHORS)(replay)
app.command(rich_help_panel=ROLLOUTS)(rollout)
app.command(rich_help_panel=ROLLOUTS)(update)
app.command(rich_help_panel=ROLLOUTS)(promote)
app.command(rich_help_panel=ROLLOUTS)(pause)
app.command(rich_help_panel=ROLLOUTS)(resume)
app.command(rich_help_panel=ROLLOUTS)(abort)
app.command(rich_help_panel=ROLLOUTS)(rollback)
app.command(rich_help_panel=ROLLOUTS)(pin)
app.command(rich_help_panel=ROLLOUTS)(unpin)
app.command("rollout-defaults", rich_help_panel=ROLLOUTS)(rollout_defaults)
app.command(rich_help_panel=TRUST)(sign)
app.command(rich_help_panel=TRUST)(verify)
app.command(rich_help_panel=TRUST)(lock)
app.add_typer(key, name="key", rich_help_panel=TRUST)
app.add_typer(policy, name="policy", rich_help_panel=TRUST)
app.add_typer(registry, name="registry", rich_help_panel=TRUST)
app.command(rich_help_panel=GATEWAY)(doctor)
app.add_typer(token, name="token", rich_help_panel=GATEWAY)
app.command(rich_help_panel=GATEWAY)(audit)
app.command(rich_help_panel=GATEWAY)(backup)
app.command(rich_help_panel=GATEWAY)(restore)
