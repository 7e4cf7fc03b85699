"""`yolow weights promote`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def promote(
    reference: Annotated[str, typer.Argument(metavar="REF", help="The candidate, such as solar:v3.")],
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The alias to give it, such as production.")],
    if_better: Annotated[
        str | None,
        typer.Option("--if-better", metavar="FIELD", help="Only if this field is better than the holder's."),
    ] = None,
    gate: options.Gate = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop",
            metavar="POINTS",
            help="Points (0-100) that the main metric may lie below the holder's.",
        ),
    ] = None,
    min_speedup: Annotated[
        float | None,
        typer.Option("--min-speedup", metavar="X", help="How many times as fast as the holder it must be."),
    ] = None,
    expect: Annotated[
        str | None, typer.Option("--expect", metavar="vN|none", help="Only if this version holds it now.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Kept in the alias's history.")] = "",
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Give an alias to a version, if it is good enough.

    Example: yolow weights promote solar:v3 production --if-better map50_95
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)

    def recipe(session: Session) -> RunReport:
        from yolow.recipes import weights_promote

        wanted = weights_promote.Promotion(
            reference=reference,
            alias=alias,
            if_better=if_better,
            max_drop_points=max_drop,
            min_speedup=min_speedup,
            gates=tuple(gate or ()),
            expect=expect,
            reason=reason,
        )
        return weights_promote.promote(wanted, session)

    execute("weights promote", general, recipe)
