"""`yolow inspect`."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import attempt, finish

if TYPE_CHECKING:
    from yolow.errors import YolowError
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport

_TO_STDOUT = "-"


def inspect(
    references: Annotated[
        list[str], typer.Argument(metavar="REF_OR_PATH", help="Weights: solar:v1, best.pt, yolo26n.pt, ….")
    ],
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth",
            min=1,
            help="Levels of the module tree (default: what fits a screen).",
            show_default=False,
        ),
    ] = None,
    stats: Annotated[
        bool, typer.Option("--stats", help="Show every layer and the statistics of every tensor.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw histograms: FILE.png or FILE.html.")
    ] = None,
    sarif: Annotated[
        str | None,
        typer.Option("--sarif", metavar="FILE", help="Findings as SARIF 2.1.0; - for standard output."),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    debug: options.Debug = False,
) -> None:
    """Look inside weights without executing them.

    Exit code 1: a file is refused; 2: a file could not be read.

    Example: yolow inspect best.pt
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)
    bad_files: list[YolowError] = []

    def recipe(session: Session) -> RunReport:
        # Sums of small tensors gain nothing from BLAS threads; starting and spinning they double the time.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # What is made here stays until the end: looking through it for garbage, now and when Python ends, takes a
        # fifth of the time.
        gc.set_threshold(100_000)
        from yolow.errors import UsageError
        from yolow.recipes.inspect import inspect_weights

        if json and sarif == _TO_STDOUT:
            raise UsageError(
                "--json and --sarif - can't both have standard output", hint="write --sarif FILE.sarif"
            )
        outcome = inspect_weights(
            references,
            session,
            plot=plot,
            sarif=Path(sarif) if sarif not in (None, _TO_STDOUT) else None,
        )
        if outcome.error is not None:
            bad_files.append(outcome.error)
        return outcome.report

    report, failure = attempt("inspect", general, recipe)
    error = failure or next(iter(bad_files), None)
    if general.json:
        from yolow.report.console import stdout_stream
        from yolow.report.documents import report_document, write_json

        write_json(report_document(report, error=error), stdout_stream())
    elif failure is None and sarif == _TO_STDOUT:
        _print_sarif(report)
    elif failure is None and not general.quiet:
        _print_screen(report, depth, stats)
    code = finish(report, error, general)
    gc.freeze()
    raise typer.Exit(code)


def _print_sarif(report: RunReport) -> None:
    from yolow.report.console import stdout_stream
    from yolow.report.documents import write_json
    from yolow.report.sarif import sarif_document

    document = sarif_document(report.details["files"], exit_code=report.exit_code)
    write_json(document, stdout_stream())


def _print_screen(report: RunReport, depth: int | None, stats: bool) -> None:
    from yolow.report.console import stdout_console
    from yolow.report.inspect_screen import render
    from yolow.report.terminal import print_warnings

    console = stdout_console()
    render(report, console, depth=depth, stats=stats)
    print_warnings(console, report)
