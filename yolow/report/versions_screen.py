"""The list of versions, one row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yolow.report.console import print_line, print_pairs
from yolow.report.formats import MISSING, age_of, ratio, visible
from yolow.report.pages import on_screen, print_more
from yolow.report.tables import Column, Row, Table, print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console


def render(report: RunReport, console: Console) -> None:
    """Print one row a version, in the given order."""
    details = report.details
    versions = on_screen(details["versions"], details, console)
    if not versions:
        print_line(console, "no versions yet")
        print_pairs(console, [("next", "yolow finetune --data solar.yaml")])
        return
    metrics = {
        str(version.get("task")): str(version["main_metric"])
        for version in versions
        if version.get("main_metric")
    }
    names = sorted(set(metrics.values()))
    print_table(
        console, _table(versions, metric=names[0] if len(names) == 1 else "metric", now=details["listed"])
    )
    if len(names) > 1:
        meaning = ", ".join(f"{name} for {task}" for task, name in sorted(metrics.items()))
        print_line(console, f"metric is {visible(meaning)}")
    print_more(console, details, shown=len(versions), noun="version")


def _table(versions: Sequence[Mapping[str, Any]], *, metric: str, now: str) -> Table:
    """The task has a column where there are several."""
    with_task = len({version.get("task") for version in versions}) > 1
    columns = (
        Column(title="version"),
        Column(title="aliases", folds=True),
        Column(title="operation"),
        *((Column(title="task"),) if with_task else ()),
        Column(title=metric, right=True),
        Column(title="MB", right=True),
        Column(title="ms", right=True),
        Column(title="age", right=True),
    )
    rows = tuple(Row(cells=_cells(version, with_task=with_task, now=now)) for version in versions)
    return Table(columns=columns, rows=rows)


def _cells(version: Mapping[str, Any], *, with_task: bool, now: str) -> tuple[str, ...]:
    size_bytes, latency_ms = version.get("size_bytes"), version.get("latency_ms")
    return (
        str(version["reference"]),
        ", ".join(map(str, version.get("aliases") or ())),
        str(version.get("operation") or MISSING),
        *((str(version.get("task") or MISSING),) if with_task else ()),
        ratio(version.get("main_value")),
        MISSING if size_bytes is None else f"{size_bytes / 1e6:.1f}",
        MISSING if latency_ms is None else f"{latency_ms:.1f}",
        age_of(version.get("created"), now),
    )
