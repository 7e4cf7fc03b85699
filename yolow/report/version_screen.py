"""One version: what it is, how good it is beside its parent, where it came from, and its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yolow.report import facts
from yolow.report.console import print_line, print_pairs
from yolow.report.formats import MISSING, age_of, counted, minute, ratio, visible, visible_lines
from yolow.report.listing import listing_lines
from yolow.report.tables import Column, Row, Table, plain_lines, print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console

# Longer lineages are cut in the middle: the origin is what people look for.
MOST_STEPS = 10
_SAID_ELSEWHERE = {
    "schema_version", "name", "number", "operation", "task", "created", "parent", "weights", "metrics", "baseline",
    "profile", "training", "warnings", "files",
}  # fmt: skip


def render(report: RunReport, console: Console) -> None:
    """Print the version."""
    details = report.details
    record = details["record"]
    print_line(console, _title(report, record, details["listed"]), "bold")
    if report.metrics is not None:
        print_line(console)
        print_table(console, facts.metric_table(report.metrics, report))
        print_line(console, facts.measured_on(report.metrics))
    print_pairs(console, [*facts.fact_lines(report), *_people_lines(details)])
    _print_block(console, "lineage", lineage_lines(details["lineage"]))
    said = {key: value for key, value in record.items() if key not in _SAID_ELSEWHERE}
    _print_block(console, "record", listing_lines(said, level=1))
    print_line(console)
    print_table(console, _file_table(details["files"]))
    print_pairs(console, [("weights", str(report.path))])


def _title(report: RunReport, record: Mapping[str, Any], now: str) -> str:
    made = str(record["operation"])
    if report.parent is not None:
        made += f" of {report.parent.reference}"
    parts = [str(report.version), f"{made} ({report.task})"]
    if (age := age_of(record["created"], now)) != MISSING:
        parts.append(f"{minute(record['created'])} UTC, {age} ago")
    return "  ".join(map(visible, parts))


def _people_lines(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What people said about the version: aliases and notes."""
    for alias in details["aliases"]:
        since = f" since {minute(alias['since'])} UTC" if alias["since"] else ""
        reason = f": {alias['reason']}" if alias["reason"] else ""
        yield "alias", f"{alias['alias']}{since}{reason}"
    for note in details["notes"]:
        first, *others = visible_lines(note["text"])
        yield "note", f"{minute(note['written'])} UTC: {first}"
        yield from (("", line) for line in others)


def lineage_lines(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The version first, each parent below its child, the origin last."""
    more = len(steps) - MOST_STEPS
    shown = list(steps) if more <= 0 else [*steps[: MOST_STEPS - 4], None, *steps[-3:]]
    rows = []
    for depth, step in enumerate(shown):
        branch = "" if depth == 0 else "   " * (depth - 1) + "`- "
        cells = (
            ("...", "", "") if step is None else (step["reference"], step["operation"] or "", _quality(step))
        )
        rows.append(Row(cells=(f"{branch}{cells[0]}", *cells[1:])))
    columns = (Column(title=""), Column(title=""), Column(title=""))
    lines = list(plain_lines(Table(columns=columns, rows=tuple(rows))))[1:]
    for step, line in zip(shown, lines, strict=True):
        yield f"  {line}" if step else f"  {line} {counted(more + 1, 'more version')}, `--json` has all"


def _quality(step: Mapping[str, Any]) -> str:
    """The main metric of a step, or why there is no more to say than its name."""
    state = {
        "present": "",
        "outside": "not from this store",
        "missing": "missing from this store",
        "removed": f"removed {minute(step['removed'])} UTC",
    }[step["state"]]
    if step["reason"]:
        state += f": {step['reason']}"
    quality = "" if step["main_value"] is None else f"{step['main_metric']} {ratio(step['main_value'])}"
    return ", ".join(part for part in (quality, state) if part)


def _file_table(files: Sequence[Mapping[str, Any]]) -> Table:
    """One row a file; the digest's first digits are enough to compare by eye."""
    columns = (Column(title="file", folds=True), Column(title="bytes", right=True), Column(title="sha256"))
    rows = tuple(
        Row(cells=(str(file["path"]), f"{file['size_bytes']:,}", str(file["sha256"])[:12])) for file in files
    )
    return Table(columns=columns, rows=rows)


def _print_block(console: Console, title: str, lines: Iterator[str]) -> None:
    print_line(console)
    print_line(console, title)
    for line in lines:
        print_line(console, line)
