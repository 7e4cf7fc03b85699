"""How healthy the weights of a network are: what each tensor's values say, and what stands out."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from yolow.checkpoint.contents import Contents, TensorEntry
from yolow.checkpoint.filters import (
    dead_rows,
    fan_in,
    first_equals,
    following_norms,
    has_filters,
    is_convolution,
    is_float,
    rows_of,
)
from yolow.checkpoint.initialisation import Initialisation, judge_initialisation
from yolow.checkpoint.statistics import TensorStatistics, describe, histogram

if TYPE_CHECKING:
    import numpy as np

# Robust z-score of Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993), who give 3.5 as the limit.
STANDS_OUT_Z = 3.5
# Where the normalisations have been folded into the convolutions, healthy layers reach 6.8: the first one's inputs are
# pixels, not normalised values.
FOLDED_STANDS_OUT_Z = 8.0
# The median absolute deviation of a normal distribution is this share of its standard deviation.
_MAD_OF_STD = 0.6745
# Layers of a fresh network hardly differ: a factor of less than five never stands out.
_LEAST_SPREAD = math.log(5) / STANDS_OUT_Z
# Fewer layers don't show what is usual.
_COMPARED_LAYERS = 8
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class LayerHealth:
    """The filters of one weight.

    Attributes:
        name: of the weight, such as `model.0.conv.weight`.
        filters: how many it has: its output channels.
        dead: how many of them give nothing: all their values are zero, or below 1e-8 of the layer's largest, or the
            normalisation that follows scales their output by zero.
        duplicated: how many more equal an earlier filter bit by bit.
        not_finite: values of it that are NaN or infinite.
        scale: standard deviation times sqrt(fan_in), in which layers of any size compare; torch starts at 0.577. None
            for integers, whose factors stand elsewhere in the file, and where no value is finite.
        stands_out: whether `scale` is far from that of the file's other convolutions.
        low: smallest finite value, the histogram's left end; 0 where there is none.
        high: largest finite value, its right end.
        histogram: finite values in each of 32 equal parts of [low, high].
    """

    name: str
    filters: int
    dead: int
    duplicated: int
    not_finite: int
    scale: float | None
    stands_out: bool
    low: float
    high: float
    histogram: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Health:
    """What the values of a file say.

    Attributes:
        statistics: one a tensor, in the file's order; a tensor that is another one under a second name has none.
        layers: the weights that have filters, in the file's order.
        initialisation: whether the network is trained.
        findings: sentences about what is wrong or unusual, the worst first; empty where nothing is.
    """

    statistics: tuple[TensorStatistics, ...]
    layers: tuple[LayerHealth, ...]
    initialisation: Initialisation
    findings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """A weight whose filters were read; whether the normalisation after it silences some is known later.

    Attributes:
        dead: booleans, shape (filters,).
        firsts: for each filter the place of the first equal one, shape (filters,).
    """

    entry: TensorEntry
    statistics: TensorStatistics
    dead: np.ndarray
    firsts: np.ndarray
    histogram: tuple[int, ...]

    @property
    def scale(self) -> float | None:
        if self.statistics.std is None or not is_float(self.entry):
            return None
        return self.statistics.std * math.sqrt(fan_in(self.entry))


def examine(contents: Contents) -> Health:
    """Read every tensor once and say what its values show.

    Memory is bounded by the largest tensor: one is held at a time.

    Raises:
        WeightsError: values can't be read.
    """
    import numpy as np

    entries = [entry for entry in contents.entries if entry.shared_with is None]
    statistics: dict[str, TensorStatistics] = {}
    layers: list[_Layer] = []
    silent: dict[str, np.ndarray] = {}
    with np.errstate(all="ignore"):  # values that are not finite are findings, not warnings on the terminal
        for entry in entries:
            array = contents.read(entry)
            statistics[entry.name] = describe(entry.name, array)
            if has_filters(entry, contents.format):
                layers.append(_read_layer(entry, array, statistics[entry.name]))
            elif entry.role == "norm_weight" and array.ndim == 1:
                silent[entry.module] = array == 0
    scales = _compared_scales(layers)
    is_folded = not any(entry.role == "norm_weight" for entry in entries)
    healths = _healths(layers, silent, _outliers(scales, FOLDED_STANDS_OUT_Z if is_folded else STANDS_OUT_Z))
    initialisation = judge_initialisation(entries, statistics)
    return Health(
        statistics=tuple(statistics.values()),
        layers=healths,
        initialisation=initialisation,
        findings=(
            *_not_finite(statistics.values()),
            *_dead_layers(healths, is_fresh=initialisation.verdict == "random"),
            *_idle_filters(healths),
            *_odd_scales(healths, scales),
        ),
    )


def _read_layer(entry: TensorEntry, array: np.ndarray, found: TensorStatistics) -> _Layer:
    rows = rows_of(entry, array)
    return _Layer(
        entry=entry,
        statistics=found,
        dead=dead_rows(rows),
        firsts=first_equals(entry, rows),
        histogram=histogram(array, found.minimum or 0.0, found.maximum or 0.0),
    )


def _healths(
    layers: Sequence[_Layer], silent: Mapping[str, np.ndarray], outliers: Collection[str]
) -> tuple[LayerHealth, ...]:
    """The layers, each judged with the normalisation that follows it."""
    healths = []
    for layer in layers:
        dead = layer.dead
        for norm in following_norms(layer.entry.module):
            if norm in silent and silent[norm].shape == dead.shape:
                dead = dead | silent[norm]
        living = layer.firsts[~dead]
        healths.append(
            LayerHealth(
                name=layer.entry.name,
                filters=len(dead),
                dead=int(dead.sum()),
                duplicated=len(living) - len(set(living.tolist())),
                not_finite=layer.statistics.nan + layer.statistics.inf,
                scale=layer.scale,
                stands_out=layer.entry.name in outliers,
                low=layer.statistics.minimum or 0.0,
                high=layer.statistics.maximum or 0.0,
                histogram=layer.histogram,
            )
        )
    return tuple(healths)


def _compared_scales(layers: Sequence[_Layer]) -> dict[str, float]:
    """The scales of the convolutions, by name."""
    return {layer.entry.name: layer.scale for layer in layers if layer.scale and is_convolution(layer.entry)}


def _outliers(scales: Mapping[str, float], limit: float) -> set[str]:
    """Names of the layers whose scale is far from the median, both on a log scale."""
    if len(scales) < _COMPARED_LAYERS:
        return set()
    logs = {name: math.log(scale) for name, scale in scales.items()}
    middle = median(logs.values())
    spread = max(median(abs(log - middle) for log in logs.values()) / _MAD_OF_STD, _LEAST_SPREAD)
    return {name for name, log in logs.items() if abs(log - middle) / spread > limit}


def _not_finite(statistics: Iterable[TensorStatistics]) -> list[str]:
    broken = [found for found in statistics if found.nan or found.inf]
    findings = [
        f"{found.name} has {found.nan + found.inf:,} of {found.values:,} values that are not finite "
        f"({found.nan:,} NaN, {found.inf:,} infinite)"
        for found in broken[:_NAMED]
    ]
    if len(broken) > _NAMED:
        findings.append(f"{len(broken) - _NAMED:,} more tensors have values that are not finite")
    return findings


def _dead_layers(layers: Sequence[LayerHealth], *, is_fresh: bool) -> list[str]:
    """A sentence about the layers without a living filter."""
    dead = [layer.name for layer in layers if layer.dead == layer.filters]
    if not dead:
        return []
    more = f" and {len(dead) - _NAMED:,} more" if len(dead) > _NAMED else ""
    fresh = "; a fresh network may have such by design" if is_fresh else ""
    return [f"every filter is dead in {', '.join(dead[:_NAMED])}{more}{fresh}"]


def _idle_filters(layers: Sequence[LayerHealth]) -> list[str]:
    """A sentence about dead filters beside living ones, and one about duplicated filters."""
    filters = sum(layer.filters for layer in layers)
    dead = {layer.name: layer.dead for layer in layers if layer.dead < layer.filters}
    duplicated = {layer.name: layer.duplicated for layer in layers}
    findings = []
    for what, count_of in (("dead", dead), ("duplicated", duplicated)):
        total = sum(count_of.values())
        if total:
            most = max(count_of, key=lambda name: count_of[name])
            place = f"all in {most}" if count_of[most] == total else f"most in {most} ({count_of[most]:,})"
            findings.append(f"{what} filters: {total:,} of {filters:,}, {place}")
    return findings


def _odd_scales(layers: Sequence[LayerHealth], scales: Mapping[str, float]) -> list[str]:
    odd = [layer.name for layer in layers if layer.stands_out]
    findings = [
        f"the scale of {name} stands out: {scales[name]:.3g}, where the median convolution has "
        f"{median(scales.values()):.3g}"
        for name in odd[:_NAMED]
    ]
    if len(odd) > _NAMED:
        findings.append(f"the scales of {len(odd) - _NAMED:,} more layers stand out")
    return findings
