"""`yolow weights gc`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def collect(
    keep: Annotated[
        int, typer.Option("--keep", metavar="N", help="Newest versions of each name to keep.")
    ] = 5,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove; without it nothing happens.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Remove old versions without an alias from which nothing was made. Shows the plan unless --yes is given.

    Example: yolow weights gc --keep 3 --yes
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)

    def recipe(session: Session) -> RunReport:
        from yolow.recipes import weights_gc

        return weights_gc.collect_garbage(session, keep_newest=keep, confirmed=yes)

    execute("weights gc", general, recipe)
