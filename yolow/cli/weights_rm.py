"""`yolow weights rm`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def remove(
    references: Annotated[list[str], typer.Argument(metavar="REF...", help="Versions, such as solar:v1.")],
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Remove them; without it nothing happens.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also what an alias stands for or others were made from.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Kept beside the removed version's record.")] = "",
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Remove versions for good; their records stay. Shows the plan unless --yes is given.

    Example: yolow weights rm solar:v1 solar:v2 --yes
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)

    def recipe(session: Session) -> RunReport:
        from yolow.recipes import weights_remove

        return weights_remove.remove(references, session, confirmed=yes, force=force, reason=reason)

    execute("weights rm", general, recipe)
