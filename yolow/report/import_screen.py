"""What became a version, and what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolow.report import facts
from yolow.report.console import print_line, print_pairs
from yolow.report.formats import visible
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console

_MOST_CLASSES = 8


def render(report: RunReport, console: Console) -> None:
    """Print the version, its facts, where it lies, and what next."""
    details, training = report.details, report.training or {}
    what = f"imported from {training.get('source')}" if details["added"] else "was there already"
    print_line(console, visible(f"{report.version}  {what}"), "bold")
    classes = list(details["classes"].values())
    more = len(classes) - _MOST_CLASSES
    shown = ", ".join(classes[:_MOST_CLASSES]) + (f", ... and {more:,} more" if more > 0 else "")
    pairs: list[tuple[str, Any]] = [
        ("task", report.task),
        ("format", details["format"]),
        ("architecture", training.get("architecture")),
        ("classes", shown),
        ("profile", facts.profile_line(report.profile) if report.profile else None),
        ("written", _written(training)),
        ("parent", report.parent.reference if report.parent else "unknown"),
        ("sha256", details["sha256"]),
        ("weights", report.path),
    ]
    print_pairs(console, [(label, str(text)) for label, text in pairs if text])
    is_loadable = details["format"] == "pytorch"  # by `yolow val`
    print_pairs(
        console,
        [
            (
                "next",
                f"yolow val {report.version} --data DATA.yaml"
                if is_loadable
                else f"yolow inspect {report.version}",
            )
        ],
    )


def _written(training: dict[str, Any]) -> str:
    parts = [str(training["date"])[:16].replace("T", " ")] if training.get("date") else []
    if training.get("version"):
        parts.append(f"by Ultralytics {training['version']}")
    return " ".join(parts)
