"""Run one recipe for a command: session, report, errors and exit code in one place."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from yolow.cli.options import General
from yolow.errors import InternalError, InterruptedRunError, ResourceError, StoreError, YolowError

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport

# What any write may meet; where yolow can say more, the place itself does.
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EFBIG})


def execute(command: str, general: General, recipe: Callable[[Session], RunReport]) -> None:
    """Call a recipe, print its report, and leave with the report's exit code.

    Args:
        command: as in the JSON document.
        general: the flags that every command has.
        recipe: gets the session; a `YolowError` or an interrupt becomes an error report.
    """
    from yolow.report.console import stdout_console, stdout_stream
    from yolow.report.documents import report_document, write_json
    from yolow.report.terminal import render_report

    report, error = attempt(command, general, recipe)
    if general.json:
        write_json(report_document(report, error=error), stdout_stream())
    elif error is None and not general.quiet:
        render_report(report, stdout_console())
    raise typer.Exit(finish(report, error, general))


def attempt(
    command: str, general: General, recipe: Callable[[Session], RunReport]
) -> tuple[RunReport, YolowError | None]:
    """Call a recipe with a fresh session; whatever goes wrong comes back as an error beside an empty report."""
    from yolow.report.progress import make_progress
    from yolow.run_report import RunReport

    progress = make_progress(general.quiet)
    error: YolowError
    try:
        return recipe(_session(general, progress)), None
    except YolowError as failure:
        error = failure
        if general.debug:
            traceback.print_exc()
    except KeyboardInterrupt:
        error = InterruptedRunError("interrupted")
    except SystemExit as stop:  # SIGTERM, as `main` turns it
        error = InterruptedRunError("terminated")
        error.exit_code = stop.code if isinstance(stop.code, int) else 143
    except Exception as failure:
        error = _unforeseen(failure, general)
    finally:
        progress.close()
    return RunReport(command=command, status=_status(error), exit_code=error.exit_code), error


def finish(report: RunReport, error: YolowError | None, general: General) -> int:
    """Show an error to the person, and give the exit code."""
    if error is not None:
        from yolow.report.errors import render_error

        render_error(error)
        return error.exit_code
    return report.exit_code


def _session(general: General, progress: object) -> Session:
    from yolow.recipes.session import Session
    from yolow.store.resolve import default_cache_dir
    from yolow.store.store import Store

    return Session(
        store=Store((general.store or Path("weights")).absolute()),
        runs=(general.runs or Path("runs")).absolute(),
        cache_dir=default_cache_dir(),
        offline=general.offline,
        progress=progress,  # type: ignore[arg-type]  # keeps the protocol's import out of start-up
        allow_code=general.allow_code,
    )


def _unforeseen(failure: Exception, general: General) -> YolowError:
    if general.debug:
        traceback.print_exc()
    if isinstance(failure, OSError) and failure.errno in _DISK_FULL:
        return ResourceError(
            "the disk is full", context=_facts_of(failure), hint="free some space, then run again"
        )
    if isinstance(failure, OSError) and failure.errno in _NOT_ALLOWED:
        return StoreError("a file can't be read or written", context=_facts_of(failure))
    place = traceback.extract_tb(sys.exc_info()[2])[-1]
    return InternalError(
        "yolow failed in a way that it did not foresee",
        context=[f"{type(failure).__name__}: {failure}", f"in {Path(place.filename).name}:{place.lineno}"],
        hint=None if general.debug else "run again with --debug, and report the traceback",
    )


def _facts_of(failure: OSError) -> list[str]:
    where = f"{failure.filename}: " if failure.filename else ""
    return [f"{where}{failure.strerror or failure}"]


def _status(error: YolowError) -> str:
    if isinstance(error, InterruptedRunError):
        return "interrupted"
    return "rejected" if error.exit_code == 1 else "error"
