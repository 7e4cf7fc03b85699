"""What only one command shows: predict's counts, a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yolow.report.console import print_line
from yolow.report.facts import count_table
from yolow.report.formats import counted, visible
from yolow.report.listing import listing_lines
from yolow.report.tables import print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console

MOST_BAD_INPUTS = 20


def print_details(console: Console, report: RunReport) -> None:
    """Print the parts of `report.details` that are meant for people; the rest is for `--json`."""
    details = report.details
    if "sources" in details:
        _print_prediction(console, details)
    if "plan" in details:
        print_line(console)
        for line in listing_lines(details["plan"]):
            print_line(console, line)


def _print_prediction(console: Console, details: Mapping[str, Any]) -> None:
    summary = [counted(details["sources"], "source"), counted(details.get("detections", 0), "detection")]
    if (speed := details.get("images_per_second")) is not None:
        summary.append(f"{speed:.1f} images/s")
    if details.get("runtime"):
        summary.append(str(details["runtime"]))
    print_line(console, ", ".join(summary))
    counts: Mapping[str, int] = details.get("counts") or {}
    if counts:
        print_line(console)
        print_table(console, count_table(counts))
    _print_bad_inputs(console, details.get("bad_inputs") or ())


def _print_bad_inputs(console: Console, bad_inputs: Sequence[Mapping[str, Any]]) -> None:
    if not bad_inputs:
        return
    print_line(console)
    print_line(console, f"{counted(len(bad_inputs), 'input')} could not be read:", "yellow")
    for entry in bad_inputs[:MOST_BAD_INPUTS]:
        print_line(console, f"  {visible(str(entry['source']))}: {visible(str(entry['reason']))}")
    if (more := len(bad_inputs) - MOST_BAD_INPUTS) > 0:
        print_line(console, f"  ... and {counted(more, 'more input')}, `--json` has all")
