"""What a person sees when a command ends."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from yolow.report import facts
from yolow.report.console import print_line, print_pairs
from yolow.report.formats import counted, visible
from yolow.report.screens import print_details
from yolow.report.tables import print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console

# Commands whose report is a screen of its own: the module of this room that has its `render(report, console)`.
_OWN_SCREENS = {
    "weights diff": "diff_screen",
    "weights export-card": "card_screen",
    "weights gc": "removal_screen",
    "weights import": "import_screen",
    "weights list": "versions_screen",
    "weights log": "log_screen",
    "weights note": "note_screen",
    "weights promote": "promotion_screen",
    "weights pull": "transfer_screen",
    "weights push": "transfer_screen",
    "weights rm": "removal_screen",
    "weights rollback": "promotion_screen",
    "weights show": "version_screen",
    "weights verify": "verify_screen",
}
MOST_CLASSES = 20
MOST_PATHS = 10


def render_report(report: RunReport, console: Console) -> None:
    """Print a report: title, metrics, facts, what only this command has, gates, warnings, paths, what next."""
    if (own := _OWN_SCREENS.get(report.command)) is not None:
        import_module(f"yolow.report.{own}").render(report, console)
        print_warnings(console, report)
        return
    print_line(console, _title(report), "bold")
    _print_metrics(console, report)
    _print_facts(console, report)
    print_details(console, report)
    _print_gate(console, report)
    print_warnings(console, report)
    _print_paths(console, report)
    _print_next(console, report)


def render_image_line(console: Console, result: Mapping[str, Any]) -> None:
    """Print `bus.jpg 640x480: 4 person, 1 bus`.

    Args:
        console: where.
        result: one entry of the document's `images`: `source`, `width` and `height` in pixels, `detections`.
    """
    counts: dict[str, int] = {}
    for detection in result["detections"]:
        name = str(detection["name"])
        counts[name] = counts.get(name, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    found = ", ".join(f"{number} {visible(name)}" for name, number in ordered) or "no detections"
    size = f"{result['width']}x{result['height']}"
    print_line(console, f"{visible(str(result['source']))} {size}: {found}")


def _title(report: RunReport) -> str:
    return "  ".join(visible(part) for part in (facts.subject(report), facts.origin(report)) if part)


def _print_metrics(console: Console, report: RunReport) -> None:
    metrics = report.metrics
    if metrics is None:
        return
    print_line(console)
    print_table(console, facts.metric_table(metrics, report))
    if report.command != "val":
        print_line(console, facts.measured_on(metrics))
    if report.command != "val" or len(metrics.per_class) < 2:
        return
    table, left_out = facts.class_table(metrics.per_class, most=MOST_CLASSES)
    print_line(console)
    print_table(console, table)
    if left_out:
        print_line(console, f"... and {counted(left_out, 'more class')}, `--json` has all")


def _print_facts(console: Console, report: RunReport) -> None:
    print_pairs(console, facts.fact_lines(report))


def _print_gate(console: Console, report: RunReport) -> None:
    if report.gate is None or not report.gate.checks:
        return
    print_line(console)
    print_table(console, facts.gate_table(report.gate))
    if report.status == "rejected":
        kept = f"; the candidate stays in the run {visible(report.run)}" if report.run else ""
        print_line(console, f"nothing was added to the store{kept}")


def print_warnings(console: Console, report: RunReport) -> None:
    """Print one yellow line a warning, after an empty line."""
    if report.warnings:
        print_line(console)
    for warning in report.warnings:
        print_line(console, f"warning: {visible(warning)}", "yellow")


def _print_paths(console: Console, report: RunReport) -> None:
    shown = [(artifact.kind, artifact.path) for artifact in report.artifacts[:MOST_PATHS]]
    if report.path is not None:
        shown.insert(0, ("weights", report.path))
    print_pairs(console, shown)
    if (more := len(report.artifacts) - MOST_PATHS) > 0:
        print_line(console, f"... and {counted(more, 'more file')}")


def _print_next(console: Console, report: RunReport) -> None:
    commands = facts.next_commands(report)
    print_pairs(console, [("next" if index == 0 else "", text) for index, text in enumerate(commands)])
