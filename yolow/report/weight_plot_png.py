"""The layers of a network as one PNG picture, drawn by matplotlib without its windows, settings and downloads."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolow.report.formats import visible
from yolow.report.weight_marks import Layer, height_of_scale, heights, marks, scale_range, summary, told

_DPI = 110
_COLUMNS = 6
# Inches.
_CELL_WIDTH, _CELL_HEIGHT, _MARGIN = 2.1, 1.05, 0.35
_HEADER_HEIGHT, _SCALES_HEIGHT, _STRIP_HEIGHT = 0.75, 1.0, 1.3
# More would make a picture that viewers refuse; the HTML page has no such limit.
_MOST_CELLS = 600
_NAME_CHARACTERS = 34

_INK, _FAINT, _LINE, _BAR, _ALARM = "#1f2328", "#656d76", "#d5d9dd", "#3b6ea8", "#b3261e"

_Corners = list[tuple[float, float]]


@dataclass(frozen=True)
class _Sheet:
    """The one pair of axes that all is drawn on, in inches from the top left: one a layer would take seconds."""

    axes: Any
    width: float

    def text(self, x: float, y: float, text: str, size: float, **style: Any) -> None:
        # A `$` in a name would start a formula.
        self.axes.text(x, y, visible(text), fontsize=size, parse_math=False, va="baseline", **style)

    def boxes(self, corners: list[_Corners], color: str, opacity: float | list[float] = 1) -> None:
        from matplotlib.collections import PolyCollection

        if corners:
            self.axes.add_collection(PolyCollection(corners, facecolors=color, alpha=opacity, linewidths=0))

    def line(self, x: float, y: float, width: float) -> None:
        self.axes.plot([x, x + width], [y, y], color=_LINE, linewidth=0.6)


def draw(path: Path, title: str, layers: Sequence[Layer], *, cache_dir: Path | None) -> None:
    """Draw the picture to a file, PNG whatever its name.

    Args:
        path: the file.
        title: what the layers are of.
        layers: the fields of `LayerHealth`, one mapping a layer.
        cache_dir: where matplotlib may keep its list of fonts; None: in a folder that is gone afterwards.

    Raises:
        OSError: the file can't be written.
    """
    with _matplotlib_alone(cache_dir):
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        cells = _chosen(layers)
        rows = -(-len(cells) // _COLUMNS)
        width = _COLUMNS * _CELL_WIDTH + 2 * _MARGIN
        cells_top = _MARGIN + _HEADER_HEIGHT + (_SCALES_HEIGHT + _STRIP_HEIGHT + 0.9 if layers else 0)
        height = cells_top + rows * _CELL_HEIGHT + _MARGIN
        with matplotlib.rc_context():
            matplotlib.rcdefaults()  # a user's own settings must not change the picture
            figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
            axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
            axes.set_axis_off()
            sheet = _Sheet(axes, width)
            _draw_header(sheet, title, layers, shown=len(cells))
            if layers:
                _draw_scales(sheet, layers, top=_MARGIN + _HEADER_HEIGHT)
                _draw_strip(sheet, layers, top=_MARGIN + _HEADER_HEIGHT + _SCALES_HEIGHT + 0.3)
            for index, layer in enumerate(cells):
                row, column = divmod(index, _COLUMNS)
                _draw_cell(sheet, layer, _MARGIN + column * _CELL_WIDTH, cells_top + row * _CELL_HEIGHT)
            with path.open("wb") as file:
                FigureCanvasAgg(figure).print_png(file, metadata={"Software": "yolow"})


@contextlib.contextmanager
def _matplotlib_alone(cache_dir: Path | None) -> Iterator[None]:
    """Keep matplotlib from the user's folders, where it would write a list of fonts, and from the terminal."""
    before = {key: os.environ.get(key) for key in ("MPLCONFIGDIR", "MPLBACKEND")}
    with contextlib.ExitStack() as stack:
        folder = _made(cache_dir) or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # of a name's characters that the font lacks
        os.environ.update(MPLCONFIGDIR=str(folder), MPLBACKEND="Agg")
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value


def _made(cache_dir: Path | None) -> Path | None:
    """matplotlib's folder in the cache, or None where there is no cache that can be written."""
    if cache_dir is None:
        return None
    folder = cache_dir / "matplotlib"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder if os.access(folder, os.W_OK) else None


def _chosen(layers: Sequence[Layer]) -> Sequence[Layer]:
    """The layers that get a histogram: all, or those with marks first where they are too many."""
    if len(layers) <= _MOST_CELLS:
        return layers
    return sorted(layers, key=lambda layer: not marks(layer))[:_MOST_CELLS]


def _draw_header(sheet: _Sheet, title: str, layers: Sequence[Layer], *, shown: int) -> None:
    sheet.text(_MARGIN, _MARGIN + 0.15, _shortened(f"weights of {title}", 100), 13, color=_INK, weight="bold")
    text = summary(layers)
    if shown < len(layers):
        text += f"; histograms of {shown} of them, a .html picture has all"
    sheet.text(_MARGIN, _MARGIN + 0.42, text, 8.5, color=_FAINT)


def _draw_scales(sheet: _Sheet, layers: Sequence[Layer], *, top: float) -> None:
    limits = scale_range(layers)
    step = (sheet.width - 2 * _MARGIN) / len(layers)
    label = f"scale of each layer, {10 ** limits[0]:g} to {10 ** limits[1]:g}, logarithmic (an initial one has 0.58)"
    sheet.text(_MARGIN, top, label, 7.5, color=_FAINT)
    bottom = top + _SCALES_HEIGHT
    for color, is_marked in ((_BAR, False), (_ALARM, True)):
        bars = [
            _box(
                _MARGIN + (index + 0.1) * step,
                bottom,
                step * 0.8,
                -max(0.02, height * (_SCALES_HEIGHT - 0.1)),
            )
            for index, layer in enumerate(layers)
            if bool(marks(layer)) is is_marked and (height := height_of_scale(layer, limits)) is not None
        ]
        sheet.boxes(bars, color)
    sheet.line(_MARGIN, bottom, sheet.width - 2 * _MARGIN)


def _draw_strip(sheet: _Sheet, layers: Sequence[Layer], *, top: float) -> None:
    label = "histogram of each layer, smallest value at the bottom; the darker the more values; marked layers are red"
    sheet.text(_MARGIN, top, label, 7.5, color=_FAINT)
    step = (sheet.width - 2 * _MARGIN) / len(layers)
    bottom = top + 0.1 + _STRIP_HEIGHT
    for color, is_marked in ((_BAR, False), (_ALARM, True)):
        corners, opacities = [], []
        for index, layer in enumerate(layers):
            if bool(marks(layer)) is not is_marked:
                continue
            bins = heights(layer["histogram"])
            bin_height = _STRIP_HEIGHT / max(1, len(bins))
            for place, height in enumerate(bins):
                if height:
                    y = bottom - place * bin_height
                    corners.append(_box(_MARGIN + index * step, y, step, -bin_height))
                    opacities.append(max(0.1, height))
        sheet.boxes(corners, color, opacities)


def _draw_cell(sheet: _Sheet, layer: Layer, left: float, top: float) -> None:
    found = marks(layer)
    color = _ALARM if found else _BAR
    name = str(layer["name"]).removesuffix(".weight")
    sheet.text(left, top, _shortened(name, _NAME_CHARACTERS), 6.5, color=_INK)
    width, height, bottom = _CELL_WIDTH - 0.2, 0.45, top + 0.52
    bins = heights(layer["histogram"])
    step = width / max(1, len(bins))
    bars = [
        _box(left + place * step, bottom, step * 0.9, -max(0.01, bar * height))
        for place, bar in enumerate(bins)
        if bar
    ]
    sheet.boxes(bars, color)
    sheet.line(left, bottom, width)
    sheet.text(left, bottom + 0.12, f"{layer['low']:.3g}", 5.5, color=_FAINT)
    sheet.text(left + width, bottom + 0.12, f"{layer['high']:.3g}", 5.5, color=_FAINT, ha="right")
    sheet.text(left + width / 2, bottom + 0.12, told(layer), 5.5, color=_FAINT, ha="center")
    sheet.text(left, bottom + 0.25, ", ".join(found), 5.5, color=_ALARM, weight="bold")


def _box(left: float, bottom: float, width: float, height: float) -> _Corners:
    right, top = left + width, bottom + height
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def _shortened(text: str, most: int) -> str:
    """The text without its middle where it is too long: names differ at their ends."""
    if len(text) <= most:
        return text
    half = (most - 3) // 2
    return f"{text[:half]}...{text[-half:]}"
