"""How healthy weights are: the verdict on their origin, layers of note, and the statistics of tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yolow.report.console import print_line
from yolow.report.formats import MISSING, counted, visible
from yolow.report.prose import print_prose
from yolow.report.tables import Column, Row, Table, plain_lines, print_table
from yolow.report.weight_marks import marks
from yolow.report.weight_plots import text_histogram

if TYPE_CHECKING:
    from rich.console import Console

_MOST_LAYERS = 12
# Half of the 32 bins that there are, so that each character stands for two.
_HISTOGRAM_WIDTH = 16
_MOMENTS = ("mean", "std", "minimum", "maximum", "norm")
_VERDICTS = {
    "trained": "a trained network",
    "random": "a random initialisation, never trained",
    "unclear": "trained or random: unclear",
}

Layer = Mapping[str, Any]


def print_health(console: Console, health: Mapping[str, Any], *, stats: bool) -> None:
    """Print how the weights came about, what is wrong with them, and the layers of note (or all)."""
    initialisation, layers = health["initialisation"], health["layers"]
    print_line(console)
    print_line(console, f"health: {_VERDICTS[initialisation['verdict']]}", "bold")
    for evidence in initialisation["evidence"]:
        print_prose(console, str(evidence))
    for finding in health["findings"]:
        print_prose(console, str(finding), style="yellow")
    of_note = [layer for layer in layers if _is_of_note(layer)]
    if not layers:
        print_prose(console, "no layer whose filters can be told apart")
    elif not of_note:
        clean = "no dead or duplicated filters, and no layer's scale stands out"
        more_text = "" if stats else "; `--stats` shows each with its histogram"
        print_prose(console, f"{counted(len(layers), 'layer')}: {clean}{more_text}")
    shown = layers if stats else of_note[:_MOST_LAYERS]
    if shown:
        print_line(console)
        print_table(console, _layer_table(shown, is_unicode=console.encoding.lower().startswith("utf")))
    if (more := len(of_note) - len(shown)) > 0:
        print_line(console, f"... and {counted(more, 'more layer')} of note, `--stats` shows all")


def print_tensors(console: Console, tensors: Sequence[Mapping[str, Any]]) -> None:
    """Print one line a tensor; on a terminal too narrow for it two."""
    rows = tuple(Row(cells=tuple(_tensor_cells(tensor))) for tensor in tensors)
    titles = ("tensor", "shape", "dtype", "mean", "std", "min", "max", "norm", "zeros", "nan", "inf")
    columns = tuple(Column(title=title, right=index > 2) for index, title in enumerate(titles))
    print_line(console)
    table = Table(columns=columns, rows=rows)
    if console.is_terminal and console.width < max(map(len, plain_lines(table))):
        for row in rows:
            print_line(console, "  ".join(visible(cell) for cell in row.cells[:3]))
            named = zip(titles[3:], row.cells[3:], strict=True)
            print_line(console, "  " + ", ".join(f"{title} {cell}" for title, cell in named))
        return
    print_table(console, table)


def _is_of_note(layer: Layer) -> bool:
    return bool(marks(layer))


def _layer_table(layers: Sequence[Layer], *, is_unicode: bool) -> Table:
    titles = ("layer", "out", "dead", "dup", "std", "scale", "values")
    columns = tuple(Column(title=title, right=0 < index < 6) for index, title in enumerate(titles))
    rows = tuple(
        Row(
            cells=(
                str(layer["name"]).removesuffix(".weight"),
                f"{layer['filters']:,}",
                _count(layer["dead"]),
                _count(layer["duplicated"]),
                _number(layer["std"], digits=2),
                _number(layer["scale"], digits=2) + ("!" if layer["stands_out"] else ""),
                text_histogram(layer["histogram"], _HISTOGRAM_WIDTH, is_unicode=is_unicode),
            ),
            tone="bad" if _is_of_note(layer) else "",
        )
        for layer in layers
    )
    return Table(columns=columns, rows=rows)


def _tensor_cells(tensor: Mapping[str, Any]) -> Iterator[str]:
    yield str(tensor["name"])
    yield "x".join(map(str, tensor["shape"])) or "scalar"
    yield str(tensor["dtype"])
    statistics = tensor.get("statistics") or {}
    for moment in _MOMENTS:
        yield _number(statistics.get(moment))
    zeros = statistics.get("zeros")
    yield MISSING if not zeros else f"{zeros:.1%}"
    yield _count(statistics.get("nan") or 0)
    yield _count(statistics.get("inf") or 0)


def _number(value: float | None, *, digits: int = 3) -> str:
    return MISSING if value is None else f"{value:.{digits}g}"


def _count(value: int) -> str:
    return f"{value:,}" if value else MISSING
