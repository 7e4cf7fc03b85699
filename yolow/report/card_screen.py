"""The model card on standard output, or where it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolow.report.console import print_line
from yolow.report.formats import visible
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console


def render(report: RunReport, console: Console) -> None:
    """Write the card as it is, so that a pipe gets valid Markdown; after `--out` only the path."""
    if report.artifacts:
        print_line(console, visible(f"{report.version}  card written to {report.artifacts[0].path}"))
        return
    console.file.write(report.details["card"])
    console.file.flush()
