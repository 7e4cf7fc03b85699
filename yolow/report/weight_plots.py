"""Histograms of the layers of a network: as text, and as a picture in PNG or HTML."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from yolow.errors import ConfigError, UsageError
from yolow.report.weight_marks import heights

_UNICODE_LEVELS = " ▁▂▃▄▅▆▇█"
_ASCII_LEVELS = " .:-=+*#@"


def text_histogram(counts: Sequence[int], width: int, *, is_unicode: bool = True) -> str:
    """A histogram in one line; only an empty bin is blank, heights follow the square root of the counts.

    Args:
        counts: values in each bin.
        width: characters of the result, which is shorter where there are fewer bins.
        is_unicode: whether the stream takes block characters (`OutputStream.is_unicode`); else ASCII ones.
    """
    levels = _UNICODE_LEVELS if is_unicode else _ASCII_LEVELS
    highest = len(levels) - 1
    drawn = heights(_rebinned(counts, width))
    return "".join(levels[max(1, round(height * highest)) if height else 0] for height in drawn)


def write_weight_plot(
    path: Path, title: str, layers: Sequence[Mapping[str, Any]], *, cache_dir: Path | None = None
) -> None:
    """Draw the layers of a file: an overview of all, then a histogram of each. The file is whole or not there.

    Args:
        path: `.png` or `.html`; an existing file is replaced.
        title: what the layers are of.
        layers: the fields of `LayerHealth`, one mapping a layer.
        cache_dir: where matplotlib may keep its list of fonts (only for `.png`); None: nowhere.

    Raises:
        UsageError: another suffix.
        ConfigError: the file can't be written.
    """
    suffix = path.suffix.lower()
    if suffix not in {".png", ".html"}:
        raise UsageError(
            "a picture is a .png or a .html file",
            context=[f"given: {path}"],
            hint=f"--plot {shlex.quote(f'{path.stem}.html')}",
        )
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        if suffix == ".html":
            from yolow.report.weight_plot_html import page

            temporary.write_text(page(title, layers), encoding="utf-8")
        else:
            from yolow.report.weight_plot_png import draw

            draw(temporary, title, layers, cache_dir=cache_dir)
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(
            "the picture can't be written",
            context=[f"{path}: {error.strerror or error}"],
            hint="choose another place with --plot",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _rebinned(counts: Sequence[int], width: int) -> list[int]:
    """The counts in `width` bins; a bin that would be cut goes whole to where its middle lies."""
    width = min(width, len(counts))
    bins = [0] * width
    for index, count in enumerate(counts):
        bins[int((index + 0.5) / len(counts) * width)] += count
    return bins
