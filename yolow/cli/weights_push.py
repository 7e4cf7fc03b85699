"""`yolow weights push`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def push(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="A folder, s3://BUCKET/PREFIX, or what else fsspec knows.")
    ],
    references: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REF]...", help="Versions, such as solar:v1 (default: all)."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="All versions of this name.")] = None,
    with_parents: Annotated[
        bool, typer.Option("--with-parents", help="Send the versions too that these were made from.")
    ] = False,
    aliases: Annotated[
        bool, typer.Option("--aliases", help="Set the aliases of these versions there too.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Send verified versions to a folder or a bucket; nothing there is overwritten.

    Example: yolow weights push s3://models/yolow solar:v1
    """

    def recipe(session: Session) -> RunReport:
        from yolow.errors import UsageError
        from yolow.recipes.weights_push import push_weights

        if name is not None and references:
            raise UsageError(
                "--name and references exclude each other", hint=f"yolow weights push URL --name {name}"
            )
        return push_weights(
            url, references or [], session, name=name, with_parents=with_parents, aliases=aliases
        )

    execute(
        "weights push",
        options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug),
        recipe,
    )
