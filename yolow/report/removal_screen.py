"""What `rm` and `gc` removed, or would remove, and what they keep and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from yolow.report.console import print_line, print_pairs
from yolow.report.formats import counted, megabytes
from yolow.report.tables import Column, Row, Table, print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console


def render(report: RunReport, console: Console) -> None:
    """Print the sum, the versions that go, those that stay, and the command that does it."""
    details = report.details
    removed, kept = details["removed"], details["kept"]
    verb = "would remove" if details["dry_run"] else "removed"
    if removed:
        title = f"{verb} {counted(len(removed), 'version')}, {megabytes(details['size_bytes'])}"
        print_line(console, f"{title}{'; nothing was changed' if details['dry_run'] else ''}", "bold")
        print_line(console)
        print_table(console, _removed_table(removed))
    else:
        print_line(console, "nothing to remove", "bold")
    if kept:
        print_line(console)
        print_table(console, _kept_table(kept))
    if details["confirm"]:
        print_pairs(console, [("next", str(details["confirm"]))])


def _removed_table(removed: list[Mapping[str, Any]]) -> Table:
    has_users = any(one["users"] for one in removed)
    titles = (Column(title="version"), Column(title="operation"), Column(title="MB", right=True))
    columns = (
        *titles,
        Column(title="created"),
        *([Column(title="used by", folds=True)] if has_users else []),
    )
    rows = []
    for one in removed:
        cells = [str(one["reference"]), str(one["operation"]), f"{one['size_bytes'] / 1e6:.1f}"]
        cells.append(str(one["created"]).partition("T")[0])
        rows.append(Row(cells=(*cells, *(["; ".join(one["users"])] if has_users else []))))
    return Table(columns=columns, rows=tuple(rows))


def _kept_table(kept: list[Mapping[str, Any]]) -> Table:
    rows = tuple(Row(cells=(str(one["reference"]), str(one["reason"]))) for one in kept)
    return Table(columns=(Column(title="kept"), Column(title="why", folds=True)), rows=rows)
