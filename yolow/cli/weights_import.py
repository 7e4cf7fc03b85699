"""`yolow weights import`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def import_weights(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A checkpoint, an export, or an official name such as yolo26n.pt."
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the version.")],
    parent: Annotated[
        str | None, typer.Option("--parent", metavar="REF", help="The weights that it was made from.")
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Make a version of weights from elsewhere, checked without executing them.

    Example: yolow weights import best.pt --name solar
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)

    def recipe(session: Session) -> RunReport:
        from yolow.recipes import weights_import

        return weights_import.import_weights(file, session, name=name, parent=parent)

    execute("weights import", general, recipe)
