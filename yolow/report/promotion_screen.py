"""Who holds an alias after `promote` and `rollback`, and what was compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from yolow.report.console import print_line, print_pairs
from yolow.report.formats import MISSING, exact, visible
from yolow.report.prose import print_prose
from yolow.report.tables import Column, Row, Table, Tone, print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console


def render(report: RunReport, console: Console) -> None:
    """Print the alias with its old and new holder, the demands, and why it did not move."""
    details = report.details
    print_line(console, visible(_title(report)), "bold")
    rows = tuple(_comparison_row(one) for one in details["comparisons"])
    rows += tuple(_gate_rows(report))
    if rows:
        columns = (
            Column(title="field"),
            Column(title="demand", folds=True),
            Column(title=str(details["previous"] or "holder"), right=True),
            Column(title=str(report.version), right=True),
            Column(title="result"),
        )
        print_line(console)
        print_table(console, Table(columns=columns, rows=rows))
    if details["reasons"]:
        print_line(console)
    for reason in details["reasons"]:
        print_prose(console, str(reason), start="")
    if details["changed"] and details["previous"]:
        print_pairs(console, [("back", f"yolow weights rollback {details['alias']}")])


def _title(report: RunReport) -> str:
    details = report.details
    alias, previous, holder = details["alias"], details["previous"], details["holder"]
    if report.status == "rejected":
        stays = f"stays {holder}" if holder else "stays without a version"
        return f"{alias}  {stays}, {report.version} was rejected"
    if not details["changed"]:
        return f"{alias}  is {holder} already, nothing was changed"
    return f"{alias}  {previous or 'new'} -> {holder}"


def _comparison_row(one: Mapping[str, Any]) -> Row:
    cells = (str(one["field"]), str(one["demand"]), _value(one["holder"]), _value(one["candidate"]))
    return _judged(cells, passed=one["passed"])


def _gate_rows(report: RunReport) -> list[Row]:
    rows = []
    for check in report.gate.checks if report.gate else ():
        demand = f"{check.gate.comparison} {check.gate.limit:g}"
        rows.append(_judged((check.gate.field, demand, "", _value(check.measured)), passed=check.passed))
    return rows


def _judged(cells: tuple[str, ...], *, passed: bool) -> Row:
    tone: Tone = "good" if passed else "bad"
    return Row(cells=(*cells, "met" if passed else "failed"), tone=tone)


def _value(value: float | None) -> str:
    return MISSING if value is None else exact(value)
