"""`yolow weights verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def verify(
    references: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REF]...", help="Which versions (default: all).", show_default=False),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All versions of the store.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="First rebuild what can be derived from the rest.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Compare versions with their records: every byte, the network itself, and the lineage.

    Example: yolow weights verify solar:v1
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)

    def recipe(session: Session) -> RunReport:
        from yolow.errors import UsageError
        from yolow.recipes import weights_verify

        if every and references:
            raise UsageError("name versions or give --all, not both", hint="yolow weights verify --all")
        return weights_verify.verify_weights(references or [], session, repair=repair)

    execute("weights verify", general, recipe)
