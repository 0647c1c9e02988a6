"""Adds every command to ``plugway`` but ``serve``, which comes from the composition root above."""

from __future__ import annotations

from gateway.cli.abort import abort
from gateway.cli.configure import configure
from gateway.cli.disable import disable
from gateway.cli.doctor import doctor
from gateway.cli.enable import enable
from gateway.cli.install import install
from gateway.cli.list import list_plugins
from gateway.cli.logs import logs
from gateway.cli.pause import pause
from gateway.cli.pin import pin
from gateway.cli.program import GATEWAY, PLUGINS, ROLLOUTS, app
from gateway.cli.promote import promote
from gateway.cli.restart import restart
from gateway.cli.resume import resume
from gateway.cli.rollback import rollback
from gateway.cli.rollout import rollout
from gateway.cli.rollout_defaults import rollout_defaults
from gateway.cli.status import status
from gateway.cli.token import token
from gateway.cli.uninstall import uninstall
from gateway.cli.unpin import unpin

__all__ = ["app"]

app.command("list", rich_help_panel=PLUGINS)(list_plugins)
app.command(rich_help_panel=PLUGINS)(status)
app.command(rich_help_panel=PLUGINS)(install)
app.command(rich_help_panel=PLUGINS)(uninstall)
app.command(rich_help_panel=PLUGINS)(enable)
app.command(rich_help_panel=PLUGINS)(disable)
app.command(rich_help_panel=PLUGINS)(configure)
app.command(rich_help_panel=PLUGINS)(restart)
app.command(rich_help_panel=PLUGINS)(logs)
app.command(rich_help_panel=ROLLOUTS)(rollout)
app.command(rich_help_panel=ROLLOUTS)(promote)
app.command(rich_help_panel=ROLLOUTS)(pause)
app.command(rich_help_panel=ROLLOUTS)(resume)
app.command(rich_help_panel=ROLLOUTS)(abort)
app.command(rich_help_panel=ROLLOUTS)(rollback)
app.command(rich_help_panel=ROLLOUTS)(pin)
app.command(rich_help_panel=ROLLOUTS)(unpin)
app.command("rollout-defaults", rich_help_panel=ROLLOUTS)(rollout_defaults)
app.command(rich_help_panel=GATEWAY)(doctor)
app.add_typer(token, name="token", rich_help_panel=GATEWAY)
