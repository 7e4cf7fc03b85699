"""The notes on a version, after one was added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolow.report.console import print_line
from yolow.report.formats import counted, minute, visible
from yolow.report.prose import print_facts
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console


def render(report: RunReport, console: Console) -> None:
    """Print all notes, oldest first."""
    notes = report.details["notes"]
    print_line(console, visible(f"{report.version}  {counted(len(notes), 'note')}"), "bold")
    print_facts(console, [(f"{minute(note['written'])} UTC", str(note["text"])) for note in notes])
