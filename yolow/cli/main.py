"""The `yolow` command: entry point, command table, and what a wrong command line looks like."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn, Optional

import typer

from yolow import __version__
from yolow.cli import finetune, inspect, predict, train, val, weights

app = typer.Typer(
    name="yolow",
    help="The whole life of YOLO model weights: train, fine-tune, predict, measure, version.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("finetune")(finetune.finetune)
app.command("train")(train.train)
app.command("predict")(predict.predict)
app.command("val")(val.val)
app.command("inspect")(inspect.inspect)
app.add_typer(weights.app, name="weights")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"yolow {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # typer calls back while parsing
        Optional[bool],  # noqa: UP045
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = None,
) -> None:
    pass


def main() -> NoReturn:
    """Parse the command line, run one command, and exit with its code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = app(standalone_mode=False, prog_name="yolow")
    except typer.TyperException as error:
        code = _usage_error(error)
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    # An exception unwinds through the training loop, so that the run is left resumable and named.
    raise SystemExit(143)


def _usage_error(error: typer.TyperException) -> int:
    from yolow.errors import UsageError
    from yolow.report.console import stdout_stream
    from yolow.report.documents import report_document, write_json
    from yolow.report.errors import render_error
    from yolow.run_report import RunReport

    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    known = command in {"finetune", "train", "predict", "val", "inspect", "weights"}
    usage = UsageError(
        error.format_message().rstrip(".") or "say which command to run",
        hint=f"yolow {command} --help" if known else "yolow --help",
    )
    if "--json" in sys.argv:
        report = RunReport(command=command, status="error", exit_code=2)
        write_json(report_document(report, error=usage), stdout_stream())
    render_error(usage)
    return 2
