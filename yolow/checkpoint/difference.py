"""How far two tensors of one shape are apart, in float64 and bounded memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

# Four float64 temporaries of this many values take 32 MB.
_CHUNK_VALUES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Distance:
    """Sums over pairs of values, from which all measures follow; distances of parts add up.

    Attributes:
        before, after: sums of squares of both sides.
        product: sum of the products.
        difference: sum of squared differences.
        maximum: largest absolute difference.
        not_finite: pairs left out of all sums, since a NaN or an infinity is in them.
    """

    before: float = 0.0
    after: float = 0.0
    product: float = 0.0
    difference: float = 0.0
    maximum: float = 0.0
    not_finite: int = 0

    def __add__(self, other: Distance) -> Distance:
        return Distance(
            before=self.before + other.before,
            after=self.after + other.after,
            product=self.product + other.product,
            difference=self.difference + other.difference,
            maximum=max(self.maximum, other.maximum),
            not_finite=self.not_finite + other.not_finite,
        )

    @property
    def relative_l2(self) -> float | None:
        """||a - b|| / ||a||; None where a is zero and b is not."""
        if self.difference == 0.0:
            return 0.0
        return _finite(math.sqrt(self.difference / self.before)) if self.before > 0.0 else None

    @property
    def cosine(self) -> float | None:
        """Cosine of the angle between both sides; None where one of them is zero."""
        norms = math.sqrt(self.before) * math.sqrt(self.after)
        cosine = _finite(self.product / norms) if norms > 0.0 else None
        return None if cosine is None else max(-1.0, min(1.0, cosine))

    @property
    def signal_to_noise_db(self) -> float | None:
        """10 log10(||a||^2 / ||a - b||^2) in decibels; None where either is zero."""
        if self.before == 0.0 or self.difference == 0.0:
            return None
        return _finite(10.0 * (math.log10(self.before) - math.log10(self.difference)))


def relation(a: np.ndarray, b: np.ndarray, *, same_type: bool) -> Literal["equal", "rounded", "changed"]:
    """Whether two tensors hold the same values.

    Args:
        a, b: as many values each, in the same order.
        same_type: whether the file stores both in one type; then every bit counts, even a zero's sign.

    Returns:
        `equal`; `rounded` where one is the other rounded to its narrower type; else `changed`.
    """
    import numpy as np

    a, b = np.ascontiguousarray(a).reshape(-1), np.ascontiguousarray(b).reshape(-1)
    if same_type and a.dtype == b.dtype:
        return "equal" if np.array_equal(a.view(np.uint8), b.view(np.uint8)) else "changed"
    if np.array_equal(a, b, equal_nan=_has_nan(a) and _has_nan(b)):
        return "equal"
    if a.dtype.kind == b.dtype.kind == "f" and a.dtype.itemsize != b.dtype.itemsize:
        wide, narrow = (a, b) if a.dtype.itemsize > b.dtype.itemsize else (b, a)
        with np.errstate(over="ignore", invalid="ignore"):
            if np.array_equal(wide.astype(narrow.dtype), narrow, equal_nan=True):
                return "rounded"
    return "changed"


def distance(a: np.ndarray, b: np.ndarray) -> Distance:
    """The sums over all pairs of values.

    Args:
        a, b: as many values each, in the same order; numbers or bools.
    """
    import numpy as np

    a, b = _real(a), _real(b)
    total = Distance()
    for start in range(0, a.size, _CHUNK_VALUES):
        x: np.ndarray = a[start : start + _CHUNK_VALUES].astype(np.float64)
        y: np.ndarray = b[start : start + _CHUNK_VALUES].astype(np.float64)
        finite = np.isfinite(x) & np.isfinite(y)
        if not (whole := bool(finite.all())):
            x, y = x[finite], y[finite]
        with np.errstate(over="ignore", invalid="ignore"):  # squares of values beyond 1e154
            gap = x - y
            total += Distance(
                before=float(x @ x),
                after=float(y @ y),
                product=float(x @ y),
                difference=float(gap @ gap),
                maximum=float(np.abs(gap).max(initial=0.0)),
                not_finite=0 if whole else int(finite.size - x.size),
            )
    return total


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _real(values: np.ndarray) -> np.ndarray:
    """One dimension; of a complex number both parts."""
    import numpy as np

    flat = np.ascontiguousarray(values).reshape(-1)
    real: np.ndarray = flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat
    return real


def _has_nan(values: np.ndarray) -> bool:
    """Whether the type can hold NaN: numpy refuses to look for it in whole numbers."""
    return values.dtype.kind in "fc"
