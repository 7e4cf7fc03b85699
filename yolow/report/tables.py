"""A table's content, and its three layouts: for a terminal, for a pipe, for Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from yolow.report.formats import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

Tone = Literal["", "strong", "good", "bad"]

# rich measures every cell several times: 5,000 rows take it two seconds.
MOST_RICH_ROWS = 100

_STYLES: dict[Tone, str] = {"": "", "strong": "bold", "good": "green", "bad": "red"}
_GAP = "  "
_MARKDOWN_SIGNS = re.compile(r"([\\`*_\[\]<|~&]|^[>#]|^[+-](?=\s))")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: numbers stand to the right, long words may be folded on a terminal."""

    title: str
    right: bool = False
    folds: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of cells, each one line of plain text."""

    cells: tuple[str, ...]
    tone: Tone = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns and rows; every row has as many cells as there are columns."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def print_table(console: Console, table: Table) -> None:
    """Fit the table to a terminal by folding long cells; in a pipe every row is one line, never cut."""
    from rich.cells import cell_len

    is_small = len(table.rows) <= MOST_RICH_ROWS
    if console.is_terminal and is_small and _least_width(table, cell_len) <= console.width:
        console.print(_rich_table(table))
        return
    console.file.write("".join(f"{line}\n" for line in plain_lines(table, width_of=cell_len)))
    console.file.flush()


def plain_lines(table: Table, *, width_of: Callable[[str], int] = len) -> Iterator[str]:
    """Aligned columns, two blanks apart, one row a line.

    Args:
        table: what to lay out.
        width_of: how many terminal cells a text takes.
    """
    lines = [tuple(column.title for column in table.columns)]
    lines += [tuple(visible(cell) for cell in row.cells) for row in table.rows]
    widths = [max(map(width_of, cells)) for cells in zip(*lines, strict=True)]
    for cells in lines:
        padded = []
        for cell, width, column in zip(cells, widths, table.columns, strict=True):
            space = " " * (width - width_of(cell))
            padded.append(space + cell if column.right else cell + space)
        yield _GAP.join(padded).rstrip()


def markdown_table(table: Table) -> str:
    """A table as GitHub and GitLab read it, ending in a line break."""
    rules = ["---:" if column.right else "---" for column in table.columns]
    lines = [[markdown_text(column.title) for column in table.columns], rules]
    lines += [[markdown_text(cell) for cell in row.cells] for row in table.rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def markdown_text(text: str) -> str:
    """Text with the characters that Markdown would act on escaped; `_` inside a word is no such character."""
    escaped = _MARKDOWN_SIGNS.sub(r"\\\1", visible(text))
    return re.sub(r"(?<=\w)\\_(?=\w)", "_", escaped)


def _least_width(table: Table, width_of: Callable[[str], int]) -> int:
    """The width at which nothing but the folding columns is narrower than its content."""
    width = len(_GAP) * (len(table.columns) - 1)
    for index, column in enumerate(table.columns):
        cells = [] if column.folds else [visible(row.cells[index]) for row in table.rows]
        width += max(map(width_of, [column.title, *cells]))
    return width


def _rich_table(table: Table) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    layout = RichTable(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for column in table.columns:
        justify: Literal["left", "right"] = "right" if column.right else "left"
        layout.add_column(Text(column.title), justify=justify, overflow="fold", no_wrap=not column.folds)
    for row in table.rows:
        layout.add_row(*(Text(visible(cell)) for cell in row.cells), style=_STYLES[row.tone])
    return layout
