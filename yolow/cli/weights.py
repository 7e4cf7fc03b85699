"""`yolow weights`: look at the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import (
    options,
    weights_diff,
    weights_export_card,
    weights_gc,
    weights_import,
    weights_log,
    weights_note,
    weights_promote,
    weights_pull,
    weights_push,
    weights_rm,
    weights_rollback,
    weights_verify,
)
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport

app = typer.Typer(
    help="The versions in the weights store: list, show, compare, verify, manage.", no_args_is_help=True
)
app.command("log")(weights_log.log)
app.command("diff")(weights_diff.diff)
app.command("verify")(weights_verify.verify)
app.command("import")(weights_import.import_weights)
app.command("promote")(weights_promote.promote)
app.command("rollback")(weights_rollback.rollback)
app.command("note")(weights_note.note)
app.command("rm")(weights_rm.remove)
app.command("gc")(weights_gc.collect)
app.command("export-card")(weights_export_card.export_card)
app.command("push")(weights_push.push)
app.command("pull")(weights_pull.pull)


@app.command("list")
def list_weights(
    name: Annotated[str | None, typer.Option("--name", help="Only versions of this name.")] = None,
    sort: Annotated[
        str, typer.Option("--sort", metavar="ORDER", help="created, metric, size, latency or name.")
    ] = "created",
    page: options.Page = None,
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

        return weights.list_weights(session, name=name, sort=sort, page=page)

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
    """Show one version: its record, metrics against its parent, lineage, files, aliases and notes.

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
