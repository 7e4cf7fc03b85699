"""`yolow weights pull`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def pull(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="A folder, s3://BUCKET/PREFIX, or what else fsspec knows.")
    ],
    references: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REF]...", help="Versions, such as solar:v1 (default: all that are there)."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="All versions of this name.")] = None,
    aliases: Annotated[
        bool, typer.Option("--aliases", help="Set the aliases of these versions here too.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Fetch versions from a folder or a bucket; every byte is verified, and checkpoints are checked for code.

    Example: yolow weights pull s3://models/yolow solar:production
    """

    def recipe(session: Session) -> RunReport:
        from yolow.errors import UsageError
        from yolow.recipes.weights_pull import pull_weights

        if name is not None and references:
            raise UsageError(
                "--name and references exclude each other", hint=f"yolow weights pull URL --name {name}"
            )
        return pull_weights(url, references or [], session, name=name, aliases=aliases)

    execute(
        "weights pull",
        options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug),
        recipe,
    )
