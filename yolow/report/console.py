"""The two consoles: data on standard output, everything else on standard error.

Importing this module does not import rich: `yolow --help` needs none of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, cast

from yolow.report.formats import visible
from yolow.report.streams import OutputStream

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_WITHOUT_TERMINAL = 80


def stdout_stream() -> OutputStream:
    """Standard output for text that is written as it is (JSON)."""
    return OutputStream(lambda: sys.stdout, label="standard output")


def stderr_stream() -> OutputStream:
    """Standard error for plain lines."""
    return OutputStream(lambda: sys.stderr, label=None)


def stdout_console() -> Console:
    """The console for what a command was asked for."""
    return _console(stdout_stream())


def stderr_console() -> Console:
    """The console for errors and progress."""
    return _console(stderr_stream())


def live_console() -> Console:
    """A console for a live display, which itself stands in for `sys.stderr` and must write past it."""
    terminal = sys.stderr
    return _console(OutputStream(lambda: terminal, label=None))


def print_line(console: Console, text: str = "", style: str = "") -> None:
    """One line that is never wrapped or cut, so that paths stay whole; text is not read as markup."""
    from rich.text import Text

    console.print(Text(text, style=style), soft_wrap=True)


def print_pairs(console: Console, pairs: Sequence[tuple[str, str]]) -> None:
    """A block of labelled lines after an empty line; nothing for no pairs."""
    if not pairs:
        return
    width = max(len(visible(label)) for label, _ in pairs)
    print_line(console)
    for label, text in pairs:
        print_line(console, f"{visible(label):<{width}}  {visible(text)}")


def _console(stream: OutputStream) -> Console:
    """A console that takes text literally; rich itself honours NO_COLOR, FORCE_COLOR and TERM=dumb."""
    from rich.console import Console

    return Console(
        file=cast("IO[str]", stream),
        width=_width(stream),
        markup=False,
        emoji=False,
        highlight=False,
        force_jupyter=False,
    )


def _width(stream: OutputStream) -> int | None:
    """COLUMNS, else 80 without a terminal; None lets rich ask the terminal."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    return None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
