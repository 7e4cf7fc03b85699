"""`yolow weights log`: the history of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def log(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of versions, such as solar.")],
    page: options.Page = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Show the history of a name: versions made, aliases moved, versions removed, notes.

    Example: yolow weights log solar
    """

    def recipe(session: Session) -> RunReport:
        from yolow.recipes import weights_log

        return weights_log.log_weights(name, session, page=page)

    execute(
        "weights log",
        options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug),
        recipe,
    )
