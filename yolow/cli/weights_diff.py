"""`yolow weights diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A version, a file or an export folder.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The same; B is compared with A.")],
    sort: Annotated[
        Literal["layer", "change"],
        typer.Option("--sort", help="Layers in the network's order, or the greatest change first."),
    ] = "change",
    top: Annotated[
        int | None,
        typer.Option("--top", min=1, help="Most rows of a list (default: 20 on a terminal, else all)."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show what is equal too.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Compare two sets of weights: their records, metrics and every tensor.

    Example: yolow weights diff solar:v1 solar:v2
    """

    def recipe(session: Session) -> RunReport:
        from yolow.recipes.weights_diff import DiffView, diff_weights

        view = DiffView(sort=sort, top=top, equal=everything)
        return diff_weights(before, after, session, view=view)

    execute(
        "weights diff",
        options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug),
        recipe,
    )
