"""What only one command shows: predict's counts, a record, a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yolow.report.console import print_line, print_pairs
from yolow.report.facts import count_table
from yolow.report.formats import counted, visible
from yolow.report.listing import listing_lines
from yolow.report.tables import Column, Row, Table, print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console

MOST_BAD_INPUTS = 20
_SAID_BY_REPORT = ("metrics", "profile", "training", "warnings", "gate")


def print_details(console: Console, report: RunReport) -> None:
    """Print the parts of `report.details` that are meant for people; the rest is for `--json`."""
    details = report.details
    if "sources" in details:
        _print_prediction(console, details)
    if "plan" in details:
        _print_listing(console, details["plan"])
    if "record" in details:
        # what the report says itself is on the screen in its own form
        said = {key for key in _SAID_BY_REPORT if getattr(report, key)} | ({"files"} & set(details))
        _print_listing(console, {key: value for key, value in details["record"].items() if key not in said})
    if details.get("lineage"):
        print_pairs(console, [("lineage", " <- ".join(details["lineage"]))])
    if details.get("files"):
        _print_files(console, details["files"])


def _print_listing(console: Console, values: Mapping[str, Any]) -> None:
    print_line(console)
    for line in listing_lines(values):
        print_line(console, line)


def _print_files(console: Console, files: Sequence[Mapping[str, Any]]) -> None:
    """One row a file; the digest's first digits are enough to compare by eye."""
    columns = (Column(title="file", folds=True), Column(title="bytes", right=True), Column(title="sha256"))
    rows = tuple(
        Row(cells=(str(file["path"]), f"{file['size_bytes']:,}", str(file["sha256"])[:12])) for file in files
    )
    print_line(console)
    print_table(console, Table(columns=columns, rows=rows))


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
