"""One line a version: as its record says, or what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from yolow.report.console import print_line
from yolow.report.formats import counted, visible
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console


def render(report: RunReport, console: Console) -> None:
    """Print a line a version, what was repaired and what differs below it, and the sum."""
    versions = report.details["versions"]
    if not versions:
        print_line(console, "no versions yet")
        return
    width = max(len(one["reference"]) for one in versions)
    for one in versions:
        word = "as recorded" if one["ok"] else f"DIFFERS in {counted(len(one['differences']), 'place')}"
        print_line(console, visible(f"{one['reference']:<{width}}  {word}"), "" if one["ok"] else "red")
        for repaired in one["repaired"]:
            print_line(console, f"  repaired  {visible(str(repaired))}")
        for difference in one["differences"]:
            print_line(console, f"  {visible(str(difference['path']))}")
            _print_contrast(console, difference, "    ")
    for one in report.details["aliases"]:
        print_line(console, f"{visible(str(one['path']))}  DIFFERS", "red")
        _print_contrast(console, one, "  ")
    damaged = report.details["damaged"]
    if len(versions) > 1:
        good = f"{len(versions) - damaged:,} of {counted(len(versions), 'version')} as recorded"
        print_line(console)
        print_line(console, good, "bold red" if damaged else "bold")


def _print_contrast(console: Console, difference: Mapping[str, Any], start: str) -> None:
    print_line(console, f"{start}expected  {visible(str(difference['expected']))}")
    print_line(console, f"{start}found     {visible(str(difference['found']))}")
