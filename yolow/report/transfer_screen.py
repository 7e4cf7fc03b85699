"""What became of each version that was pushed or pulled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from yolow.report.console import print_line, print_pairs
from yolow.report.formats import MISSING, counted, visible
from yolow.report.tables import Column, Row, Table, print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console

_WORDS = {
    "weights push": ("sent to", "already there"),
    "weights pull": ("fetched from", "already here"),
}


def render(report: RunReport, console: Console) -> None:
    """Print the sum, a row for each version that was not simply there already, and why some were not taken over."""
    details = report.details
    moved, same = _WORDS[report.command]
    counts = details["counts"]
    done = counted(counts["done"], "version") if counts["done"] else "nothing"
    parts = [f"{done} {moved} {visible(details['remote'])}"]
    parts += [f"{counts['same']:,} {same}"] if counts["same"] else []
    parts += [f"{counts[state]:,} {state}" for state in ("skipped", "failed") if counts[state]]
    print_line(console, ", ".join(parts), "bold red" if counts["failed"] else "bold")
    _print_versions(console, [one for one in details["versions"] if one["state"] != "same"], moved.split()[0])
    print_pairs(console, [("alias", f"{one['alias']} is {one['version']}") for one in details["aliases"]])
    for one in details["versions"]:
        if one["reasons"]:
            print_line(console)
            style = "red" if one["state"] == "failed" else "yellow"
            print_line(console, f"{one['reference']} {one['state']}: {visible(one['reasons'][0])}", style)
        for reason in one["reasons"][1:]:
            print_line(console, f"  {visible(reason)}")


def _print_versions(console: Console, versions: list[Mapping[str, Any]], moved: str) -> None:
    if not versions:
        return
    columns = (Column(title="version"), Column(title="state"), Column(title="MB", right=True))
    rows = []
    for one in versions:
        size_bytes = one["size_bytes"]
        megabytes = MISSING if size_bytes is None else f"{size_bytes / 1e6:.1f}"
        state = moved if one["state"] == "done" else str(one["state"])
        rows.append(Row(cells=(str(one["reference"]), state, megabytes)))
    print_line(console)
    print_table(console, Table(columns=columns, rows=tuple(rows)))
