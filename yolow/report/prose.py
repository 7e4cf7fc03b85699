"""Sentences and long facts: wrapped between words on a terminal, one line each in a pipe."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yolow.report.console import print_line
from yolow.report.formats import visible

if TYPE_CHECKING:
    from rich.console import Console

_LEAST_WIDTH = 20


def print_prose(console: Console, text: str, *, start: str = "  ", style: str = "") -> None:
    """Print one sentence; its further lines are indented as far as the first.

    Args:
        console: where.
        text: what to say; may come out of a file.
        start: what the first line begins with.
        style: of all lines.
    """
    seen, width = visible(text), console.width - len(start)
    lines = [seen]
    if console.is_terminal and width >= _LEAST_WIDTH:
        lines = textwrap.wrap(seen, width, break_long_words=False, break_on_hyphens=False) or [""]
    for index, line in enumerate(lines):
        print_line(console, (" " * len(start) if index else start) + line, style)


def print_facts(console: Console, pairs: Sequence[tuple[str, str]]) -> None:
    """A block of labelled facts after an empty line; nothing for no facts."""
    width = max((len(label) for label, _ in pairs), default=0)
    if pairs:
        print_line(console)
    for label, text in pairs:
        print_prose(console, text, start=f"{label:<{width}}  ")
