"""Numbers about the values of one tensor: moments, extremes, and what is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

HISTOGRAM_BINS = 32

# Values that are float64 at one time: 2 MB stay in the processor's cache, and huge tensors need no more.
_CHUNK_VALUES = 2**18
# Between these the fourth power of a value neither overflows nor vanishes in float64.
_SAFE_PEAKS = (1e-60, 1e60)


@dataclass(frozen=True, kw_only=True)
class TensorStatistics:
    """One tensor in numbers, computed in float64 over its finite values; None where there is no such value.

    Attributes:
        name: of the tensor.
        values: how many it has, finite or not.
        mean: arithmetic mean.
        std: population standard deviation, >= 0.
        minimum: smallest value.
        maximum: largest value.
        norm: Euclidean (L2) norm, >= 0.
        kurtosis: fourth central moment over the squared variance (Pearson's): 1.8 for a uniform distribution, 3 for a
            normal one, more for heavier tails; None where all values are equal.
        zeros: share of exact zeros among all values, in [0, 1].
        nan: how many values are not a number.
        inf: how many values are infinite.
    """

    name: str
    values: int
    mean: float | None
    std: float | None
    minimum: float | None
    maximum: float | None
    norm: float | None
    kurtosis: float | None
    zeros: float
    nan: int
    inf: int

    @property
    def peak(self) -> float:
        """The largest finite magnitude; 0 where there is none."""
        return max(abs(self.minimum or 0.0), abs(self.maximum or 0.0))

    @property
    def is_constant(self) -> bool:
        """Whether all values are finite and equal."""
        return self.minimum is not None and self.minimum == self.maximum and not self.nan + self.inf


def describe(name: str, array: np.ndarray) -> TensorStatistics:
    """The statistics of one tensor of real numbers; of complex numbers only what is zero or not finite is counted.

    Args:
        name: of the tensor.
        array: any shape, also empty or 0-d; integers, booleans, floats of any width.
    """
    import numpy as np

    flat = array.reshape(-1)
    if flat.size <= _CHUNK_VALUES and flat.dtype.kind != "c":
        flat = flat.astype(np.float64)
    nonzero = nan = inf = 0
    low, high = math.inf, -math.inf
    for part in _parts(flat):
        nonzero += int(np.count_nonzero(part))
        finite = _finite(part)
        if finite.size < part.size:
            missing = int(np.count_nonzero(np.isnan(part)))
            nan += missing
            inf += part.size - finite.size - missing
        if finite.size and finite.dtype.kind == "f":
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    count = flat.size - nan - inf if low <= high else 0
    mean, std, norm, kurtosis = _moments(flat, count, low, high) if count else (None,) * 4
    return TensorStatistics(
        name=name,
        values=flat.size,
        mean=mean,
        std=std,
        minimum=low if count else None,
        maximum=high if count else None,
        norm=norm,
        kurtosis=kurtosis,
        zeros=(flat.size - nonzero) / flat.size if flat.size else 0.0,
        nan=nan,
        inf=inf,
    )


def histogram(array: np.ndarray, low: float, high: float) -> tuple[int, ...]:
    """How many finite values lie in each of `HISTOGRAM_BINS` equal parts of [low, high]; the last includes high.

    Where low equals high, all values are in the middle.
    """
    import numpy as np

    counts: np.ndarray = np.zeros(HISTOGRAM_BINS, np.int64)
    # Both halved: the difference of the largest float64 values would overflow.
    width = high / 2 - low / 2
    for part in _parts(array.reshape(-1)):
        finite = _finite(part)
        if not width > 0:
            counts[HISTOGRAM_BINS // 2] += finite.size
            continue
        places = ((finite / 2 - low / 2) / width * HISTOGRAM_BINS).astype(np.uint8)
        counts += np.bincount(np.minimum(places, HISTOGRAM_BINS - 1), minlength=HISTOGRAM_BINS)
    return tuple(counts.tolist())


def _parts(flat: np.ndarray) -> Iterator[np.ndarray]:
    """The values in float64 (complex ones as they are), a bounded number at a time."""
    import numpy as np

    for start in range(0, flat.size, _CHUNK_VALUES):
        part = flat[start : start + _CHUNK_VALUES]
        yield part if part.dtype.kind == "c" else part.astype(np.float64, copy=False)


def _finite(part: np.ndarray) -> np.ndarray:
    import numpy as np

    finite = np.isfinite(part)
    return part if finite.all() else part[finite]


def _moments(
    flat: np.ndarray, count: int, low: float, high: float
) -> tuple[float, float, float, float | None]:
    """Mean, standard deviation, norm and kurtosis of the finite values, in two passes for accuracy."""

    peak = max(abs(low), abs(high))
    if low == high:  # a rounded mean would give equal values a deviation
        return low, 0.0, peak * math.sqrt(count), None
    unit = 1.0 if _SAFE_PEAKS[0] < peak < _SAFE_PEAKS[1] else peak
    total = power2 = power4 = 0.0
    for part in _parts(flat):
        total += float((_finite(part) / unit).sum())
    mean = total / count
    for part in _parts(flat):
        distance = _finite(part) / unit - mean
        distance *= distance
        power2 += float(distance.sum())
        distance *= distance  # not `np.dot`: its threads start slowly, and would wait for busy cores
        power4 += float(distance.sum())
    variance = power2 / count
    norm = math.sqrt(count) * math.hypot(math.sqrt(variance), mean)
    kurtosis = power4 / count / variance**2 if variance else None
    return mean * unit, math.sqrt(variance) * unit, norm * unit, kurtosis
