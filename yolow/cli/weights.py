"""`yolow weights`: look at the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport

app = typer.Typer(help="Look at the versions in the weights store.", no_args_is_help=True)


@app.command("list")
def list_weights(
    name: Annotated[str | None, typer.Option("--name", help="Only versions of this name.")] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """List all versions, newest first.

    Example: yolow weights list
    """

    def recipe(session: Session) -> RunReport:
        from yolow.recipes import weights

        return weights.list_weights(session, name=name)

    execute(
        "weights list",
        options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug),
        recipe,
    )


@app.command("show")
def show(
    reference: Annotated[str, typer.Argument(metavar="REF", help="A version, such as solar:v1.")],
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Show one version: its record, files and lineage.

    Example: yolow weights show solar:v1
    """

    def recipe(session: Session) -> RunReport:
        from yolow.recipes import weights

        return weights.show_weights(reference, session)

    execute(
        "weights show",
        options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug),
        recipe,
    )
