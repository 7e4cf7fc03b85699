"""The list of versions, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from yolow.report.console import print_line, print_pairs
from yolow.report.formats import MISSING, ratio, visible
from yolow.report.tables import Column, Row, Table, print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console


def render(report: RunReport, console: Console) -> None:
    """Print one row a version, in the given order."""
    versions = report.details["versions"]
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
    columns = (
        Column(title="version"),
        Column(title="operation"),
        Column(title="task"),
        Column(title=names[0] if len(names) == 1 else "metric", right=True),
        Column(title="MB", right=True),
        Column(title="ms", right=True),
        Column(title="created"),
        Column(title="aliases", folds=True),
    )
    rows = tuple(Row(cells=_version_cells(version)) for version in versions)
    print_table(console, Table(columns=columns, rows=rows))
    if len(names) > 1:
        meaning = ", ".join(f"{name} for {task}" for task, name in sorted(metrics.items()))
        print_line(console, f"metric is {visible(meaning)}")


def _version_cells(version: Mapping[str, Any]) -> tuple[str, ...]:
    size_bytes, latency_ms = version.get("size_bytes"), version.get("latency_ms")
    return (
        str(version["reference"]),
        str(version.get("operation") or MISSING),
        str(version.get("task") or MISSING),
        ratio(version.get("main_value")),
        MISSING if size_bytes is None else f"{size_bytes / 1e6:.1f}",
        MISSING if latency_ms is None else f"{latency_ms:.1f}",
        str(version.get("created") or MISSING).partition("T")[0],
        ", ".join(map(str, version.get("aliases") or ())),
    )
