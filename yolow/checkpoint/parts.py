"""The two sides of a comparison: tensors as they are stored, or with batch normalisation folded in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from yolow.checkpoint.contents import Contents, Role, TensorEntry
from yolow.checkpoint.dequantize import QUANTIZED, dequantizers

if TYPE_CHECKING:
    import numpy as np

# Ultralytics sets this in every batch normalisation (`initialize_weights`); files don't always keep it.
_NORM_EPSILON = 1e-3
# The normalisation that follows `conv` or `conv_transpose` in Ultralytics' blocks, and its tensors.
_NORM = "bn"
_NORM_TENSORS = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One tensor of a comparison.

    Attributes:
        name, role, dtype, shape, module: as in `TensorEntry`.
        fused: whether batch normalisation was folded into it here, so that no file holds these values.
        load: gives the values as they are stored.
        load_real: gives the real values of a quantized tensor in float64; None where it isn't quantized, or its scale
            is not known.
    """

    name: str
    role: Role
    dtype: str
    shape: tuple[int, ...]
    module: str
    fused: bool = False
    load: Callable[[], np.ndarray] = field(repr=False, compare=False)
    load_real: Callable[[], np.ndarray] | None = field(default=None, repr=False, compare=False)

    @property
    def values(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)


def parts_of(contents: Contents) -> list[Part]:
    """The tensors of a file as it holds them."""
    real = dequantizers(contents)
    return [_part(contents, entry, real.get(entry.name)) for entry in contents.entries]


def has_norms(contents: Contents) -> bool:
    """Whether batch normalisation stands beside convolutions."""
    return any(entry.name.endswith(f".{_NORM}.running_var") for entry in contents.entries)


def fused_parts_of(contents: Contents) -> list[Part]:
    """The tensors with each block's batch normalisation folded into its convolution, as exports hold them.

    w' = w * gamma / sqrt(var + eps) and b' = beta + (b - mean) * gamma / sqrt(var + eps); a normalisation that
    doesn't stand right after a convolution stays as it is.
    """
    real = dequantizers(contents)
    fusings = {fusing.weight.name: fusing for fusing in _fusings(contents)}
    merged = {entry.name for fusing in fusings.values() for entry in fusing.merged}
    parts: list[Part] = []
    for entry in contents.entries:
        if entry.name in fusings:
            parts += fusings[entry.name].parts()
        elif entry.name not in merged:
            parts.append(_part(contents, entry, real.get(entry.name)))
    return parts


@dataclass(frozen=True, kw_only=True)
class _Fusing:
    """A convolution with the normalisation after it.

    Attributes:
        norm: gamma, beta, running mean and running variance.
        merged: all entries that the fused parts stand for.
    """

    contents: Contents
    weight: TensorEntry
    bias: TensorEntry | None
    norm: tuple[TensorEntry, ...]
    merged: tuple[TensorEntry, ...]

    def parts(self) -> tuple[Part, Part]:
        entry = self.weight
        weight = Part(
            name=entry.name,
            role="weight",
            dtype=entry.dtype,
            shape=entry.shape,
            module=entry.module,
            fused=True,
            load=self._fused_weight,
        )
        name = entry.name.removesuffix("weight") + "bias"
        shape = self.norm[0].shape
        return weight, replace(weight, name=name, role="bias", shape=shape, load=self._fused_bias)

    def _fused_weight(self) -> np.ndarray:
        import numpy as np

        scale, _ = self._scale_and_shift()
        shape = (1, -1, 1, 1) if _is_transposed(self.weight) else (-1, 1, 1, 1)
        fused: np.ndarray = self.contents.read(self.weight).astype(np.float64) * scale.reshape(shape)
        return fused

    def _fused_bias(self) -> np.ndarray:
        import numpy as np

        scale, shift = self._scale_and_shift()
        if self.bias is None:
            return shift
        fused: np.ndarray = shift + self.contents.read(self.bias).astype(np.float64) * scale
        return fused

    def _scale_and_shift(self) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        gamma: np.ndarray
        beta: np.ndarray
        mean: np.ndarray
        variance: np.ndarray
        gamma, beta, mean, variance = (self.contents.read(entry).astype(np.float64) for entry in self.norm)
        with np.errstate(invalid="ignore", divide="ignore"):  # a damaged variance gives NaN, which is counted
            scale: np.ndarray = gamma / np.sqrt(variance + _NORM_EPSILON)
        return scale, beta - mean * scale


def _part(contents: Contents, entry: TensorEntry, load_real: Callable[[], np.ndarray] | None) -> Part:
    return Part(
        name=entry.name.removesuffix(QUANTIZED) if load_real else entry.name,
        role=entry.role,
        dtype=entry.dtype,
        shape=entry.shape,
        module=entry.module,
        load=partial(contents.read, entry),
        load_real=load_real,
    )


def _fusings(contents: Contents) -> Iterator[_Fusing]:
    by_name = {entry.name: entry for entry in contents.entries}
    for entry in contents.entries:
        layer, _, tail = entry.name.rpartition(".")
        prefix = layer.removesuffix("conv_transpose").removesuffix("conv")
        if prefix == layer or tail != "weight" or len(entry.shape) != 4:
            continue
        channels = entry.shape[1 if _is_transposed(entry) else 0]
        norm = tuple(by_name[name] for key in _NORM_TENSORS if (name := f"{prefix}{_NORM}.{key}") in by_name)
        if len(norm) != len(_NORM_TENSORS) or any(one.shape != (channels,) for one in norm):
            continue
        bias = by_name.get(f"{layer}.bias")
        if bias is not None and bias.shape != (channels,):
            continue
        counter = by_name.get(f"{prefix}{_NORM}.num_batches_tracked")
        merged = (entry, *norm, *(one for one in (bias, counter) if one is not None))
        yield _Fusing(contents=contents, weight=entry, bias=bias, norm=norm, merged=merged)


def _is_transposed(entry: TensorEntry) -> bool:
    """Whether the output channels are the second dimension."""
    return entry.name.endswith("conv_transpose.weight")
