"""`yolow weights export-card`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def export_card(
    reference: Annotated[str, typer.Argument(metavar="REF", help="A version, such as solar:v1.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.md", help="File to write (default: print it).")
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Write a model card in Markdown from a version's record.

    Example: yolow weights export-card solar:v1 --out README.md
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)

    def recipe(session: Session) -> RunReport:
        from yolow.recipes import weights_card

        return weights_card.export_card(reference, session, out=out)

    execute("weights export-card", general, recipe)
