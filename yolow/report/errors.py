"""An error on the screen and in a document: message, context, note, hint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolow.errors import YolowError
from yolow.report.console import stderr_console
from yolow.report.formats import visible_lines

if TYPE_CHECKING:
    from rich.console import Console

_INDENT = "  "


def render_error(error: YolowError, *, console: Console | None = None) -> None:
    """Print the four parts, one fact a line; places such as `file:line:column` are never wrapped.

    Args:
        error: what to show.
        console: where; standard error by default.
    """
    from rich.text import Text

    console = console or stderr_console()
    _print_part(console, "error", error.message, "bold red")
    for fact in error.context:
        first, *rest = visible_lines(fact)
        lines = [_INDENT + first, *(_INDENT * 2 + line for line in rest)]
        console.print(Text("\n".join(lines)), soft_wrap=True)
    if error.note:
        _print_part(console, "note", error.note, "bold")
    if error.hint:
        _print_part(console, "hint", error.hint, "bold cyan")


def error_document(error: YolowError) -> dict[str, Any]:
    """The same parts for `--json`."""
    return {
        "kind": error.kind,
        "message": error.message,
        "context": list(error.context),
        "note": error.note,
        "hint": error.hint,
    }


def _print_part(console: Console, label: str, text: str, style: str) -> None:
    from rich.text import Text

    start = f"{label}: "
    lines = ("\n" + " " * len(start)).join(visible_lines(text))
    console.print(Text.assemble((start, style), lines), soft_wrap=True)
