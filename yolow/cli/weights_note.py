"""`yolow weights note`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def note(
    reference: Annotated[str, typer.Argument(metavar="REF", help="A version, such as solar:v1.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to remember.")],
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Write a note on a version.

    Example: yolow weights note solar:v1 "misses panels in the shade"
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)

    def recipe(session: Session) -> RunReport:
        from yolow.recipes import weights_note

        return weights_note.note(reference, text, session)

    execute("weights note", general, recipe)
