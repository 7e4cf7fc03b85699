"""The real values behind a quantized tensor: (q - zero point) * scale, both from the file itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from yolow.checkpoint.contents import Contents, TensorEntry

if TYPE_CHECKING:
    import numpy as np

_INTEGERS = frozenset({"int8", "uint8", "int16", "int32", "int4", "uint4"})
_FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
# What onnxruntime's quantizer appends to a tensor's name.
QUANTIZED = "_quantized"


def dequantizers(contents: Contents) -> dict[str, Callable[[], np.ndarray]]:
    """Names of quantized weights and biases whose scale the file tells -> what computes their values in float64.

    The scale is found by onnxruntime's names, else as the one constant of fitting shape beside the weights, which is
    how OpenVINO keeps it. One scale for all or one for each output channel (dimension 0) is understood.
    """
    by_name = {entry.name: entry for entry in contents.entries}
    by_module: dict[str, list[TensorEntry]] = defaultdict(list)
    for entry in contents.entries:
        by_module[entry.module].append(entry)
    found: dict[str, Callable[[], np.ndarray]] = {}
    for entry in contents.entries:
        if entry.role not in ("weight", "bias") or entry.dtype not in _INTEGERS:
            continue
        scale, zero = _named(entry, by_name)
        if scale is None and entry.role == "weight":
            scale, zero = _beside(entry, by_module[entry.module])
        if scale is not None:
            found[entry.name] = partial(_values, contents, entry, scale, zero)
    return found


def _named(
    entry: TensorEntry, by_name: dict[str, TensorEntry]
) -> tuple[TensorEntry | None, TensorEntry | None]:
    for name in (entry.name, entry.name.removesuffix(QUANTIZED)):
        scale, zero = by_name.get(f"{name}_scale"), by_name.get(f"{name}_zero_point")
        if scale is not None and scale.dtype in _FLOATS and _fits(scale, entry):
            return scale, zero if zero is not None and _fits(zero, entry) else None
    return None, None


def _beside(
    entry: TensorEntry, neighbours: list[TensorEntry]
) -> tuple[TensorEntry | None, TensorEntry | None]:
    """The scale and the zero point among the constants of the same operation, unless there is a choice."""
    fitting = [
        one for one in neighbours if one.role == "buffer" and one.kind == entry.kind and _fits(one, entry)
    ]
    scales = [one for one in fitting if one.dtype in _FLOATS]
    zeros = [one for one in fitting if one.dtype == entry.dtype]
    if len(scales) != 1 or len(zeros) > 1:
        return None, None
    return scales[0], zeros[0] if zeros else None


def _fits(constant: TensorEntry, entry: TensorEntry) -> bool:
    """Whether there is one value for all, or one for each output channel."""
    return constant.values == 1 or (bool(entry.shape) and constant.values == entry.shape[0])


def _values(
    contents: Contents, entry: TensorEntry, scale: TensorEntry, zero: TensorEntry | None
) -> np.ndarray:
    import numpy as np

    channels = (-1, *(1 for _ in entry.shape[1:]))
    values: np.ndarray = contents.read(entry).astype(np.float64)
    if zero is not None:
        values = values - contents.read(zero).astype(np.float64).reshape(channels)
    scaled: np.ndarray = values * contents.read(scale).astype(np.float64).reshape(channels)
    return scaled
