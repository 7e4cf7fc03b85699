"""`yolow weights rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def rollback(
    alias: Annotated[
        str, typer.Argument(metavar="ALIAS", help="solar:production, or production beside --name.")
    ],
    name: Annotated[str | None, typer.Option("--name", help="Name of the versions.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Kept in the alias's history.")] = "",
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Give an alias back to the version that held it before.

    Example: yolow weights rollback solar:production
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)

    def recipe(session: Session) -> RunReport:
        from yolow.recipes import weights_rollback

        return weights_rollback.rollback(alias, session, name=name, reason=reason)

    execute("weights rollback", general, recipe)
