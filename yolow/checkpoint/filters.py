"""Filters of a layer that do nothing, or what another one does already.

A filter is the part of a weight that makes one output channel. Which dimension counts them depends on the layer, and
where a format leaves it open (a matrix product in an export) nothing is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolow.checkpoint.contents import TensorEntry

if TYPE_CHECKING:
    import numpy as np

# Below this share of the layer's largest magnitude a filter can't be told from zero, not even in float32 (2^-24).
DEAD_SHARE = 1e-8

# Values that are float64 at one time.
_BLOCK_VALUES = 2**18

_TRANSPOSED = frozenset({"ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"})
# Node types of exports whose first dimension counts the filters; in others it may be anything.
_EXPORTED = frozenset(
    {
        "Conv",
        "ConvInteger",
        "QLinearConv",
        "Convolution",
        "ConvolutionDepthWise",
        "InnerProduct",
        "CONV_2D",
        "CONV2D",
    }
)
# OpenVINO keeps the groups of a grouped convolution as a dimension of their own before the filters.
_GROUPED = frozenset({"GroupConvolution"})
_NOT_FILTERS = frozenset({"Embedding", "EmbeddingBag"})


def is_real_weight(entry: TensorEntry) -> bool:
    """Whether a tensor is a weight of real numbers with an output and an input dimension."""
    return (
        entry.role == "weight"
        and len(entry.shape) >= 2
        and entry.values > 0
        and entry.kind not in _NOT_FILTERS
        # unsigned weights have a zero point that the file keeps elsewhere
        and not entry.dtype.startswith(("complex", "bool", "uint"))
    )


def is_float(entry: TensorEntry) -> bool:
    """Whether its values are real numbers as they stand, not integers to be scaled."""
    return entry.dtype.startswith(("float", "bfloat"))


def has_filters(entry: TensorEntry, file_format: str) -> bool:
    """Whether a tensor is the weight of at least two filters that can be told apart."""
    if not is_real_weight(entry):
        return False
    if file_format in {"pytorch", "safetensors"}:
        return entry.name.endswith("weight") and filter_count(entry) >= 2
    return entry.kind in _EXPORTED | _GROUPED and filter_count(entry) >= 2


def filter_count(entry: TensorEntry) -> int:
    """How many filters the weight has."""
    if entry.kind in _TRANSPOSED:
        return entry.shape[1]
    if entry.kind in _GROUPED and len(entry.shape) > 2:
        return entry.shape[0] * entry.shape[1]
    return entry.shape[0]


def fan_in(entry: TensorEntry) -> int:
    """Values in one filter; for a transposed convolution what torch takes for that when it initialises one."""
    return entry.values // (entry.shape[0] if entry.kind in _TRANSPOSED else filter_count(entry))


def is_convolution(entry: TensorEntry) -> bool:
    """Whether the weight has at least one dimension besides output and input channels."""
    return len(entry.shape) > 2


def rows_of(entry: TensorEntry, array: np.ndarray) -> np.ndarray:
    """The weight with one filter a row: shape (filters, values of one filter)."""
    if entry.kind in _TRANSPOSED:
        array = array.swapaxes(0, 1)
    return array.reshape(filter_count(entry), -1)


def dead_rows(rows: np.ndarray) -> np.ndarray:
    """Which filters hold nothing but zeros, or nothing above `DEAD_SHARE` of the layer's largest magnitude.

    Returns:
        Booleans, shape (filters,). A filter with a value that is not finite is not dead.
    """
    import numpy as np

    peaks = _magnitudes(rows, np.maximum)
    finite = peaks[np.isfinite(peaks)]
    largest = float(finite.max()) if finite.size else 0.0
    dead: np.ndarray = peaks <= largest * DEAD_SHARE
    return dead


def first_equals(entry: TensorEntry, rows: np.ndarray) -> np.ndarray:
    """The place of the first filter that equals each one bit by bit; its own where no earlier one does.

    Filters of a depthwise convolution each look at a channel of their own, so equal ones do different work there and
    are told apart; so are filters with values that are not finite, which say nothing.

    Args:
        entry: the weight.
        rows: its filters, shape (filters, values of one filter).

    Returns:
        Integers, shape (filters,).
    """
    import numpy as np

    firsts = np.arange(len(rows))
    if _is_depthwise(entry):
        return firsts
    # Equal filters have equal sums of magnitudes: few others do, and only those are compared.
    marks = _magnitudes(rows, np.add)
    _, group, sizes = np.unique(marks, return_inverse=True, return_counts=True)
    seen: dict[bytes, int] = {}
    for index in np.flatnonzero((sizes[group] > 1) & np.isfinite(marks)).tolist():
        firsts[index] = seen.setdefault(rows[index].tobytes(), index)
    return firsts


def following_norms(module: str) -> tuple[str, ...]:
    """Paths at which a normalisation of the module's output may stand: `X.bn` for `X.conv`, `X.1` for `X.0`."""
    parent, _, name = module.rpartition(".")
    if name == "conv":
        return (f"{parent}.bn" if parent else "bn",)
    if name.isdecimal() and len(name) < 6:
        following = str(int(name) + 1)
        return (f"{parent}.{following}" if parent else following,)
    return ()


def _magnitudes(rows: np.ndarray, reduction: np.ufunc) -> np.ndarray:
    """The largest magnitude in each row or their sum, in float64; not finite where a value is not."""
    import numpy as np

    reduced: np.ndarray = np.empty(len(rows), np.float64)
    step = max(1, _BLOCK_VALUES // rows.shape[1])
    for start in range(0, len(rows), step):
        block = np.abs(rows[start : start + step].astype(np.float64))
        reduced[start : start + step] = reduction.reduce(block, axis=1)
    return reduced


def _is_depthwise(entry: TensorEntry) -> bool:
    if entry.kind in _GROUPED:
        return True
    return entry.kind == "ConvolutionDepthWise" or (is_convolution(entry) and entry.shape[1] == 1)
