"""What pictures of layers have in common: what each layer is marked with, and how high its bars are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from yolow.report.formats import counted

Layer = Mapping[str, Any]


def marks(layer: Layer) -> list[str]:
    """What is unusual about a layer, in a few words each; empty where nothing is."""
    found = []
    if layer["not_finite"]:
        found.append(f"{layer['not_finite']:,} NaN or infinite")
    if layer["dead"]:
        found.append(f"{layer['dead']:,} of {layer['filters']:,} dead")
    if layer["duplicated"]:
        found.append(f"{layer['duplicated']:,} duplicated")
    if layer["stands_out"]:
        found.append("scale stands out")
    return found


def summary(layers: Sequence[Layer]) -> str:
    """The layers of a file in one sentence."""
    filters = sum(layer["filters"] for layer in layers)
    dead = sum(layer["dead"] for layer in layers)
    duplicated = sum(layer["duplicated"] for layer in layers)
    odd = sum(bool(layer["stands_out"]) for layer in layers)
    broken = sum(bool(layer["not_finite"]) for layer in layers)
    not_finite = f"; {counted(broken, 'layer')} with values that are not finite" if broken else ""
    return (
        f"{counted(len(layers), 'layer')} with {counted(filters, 'filter')}: {dead:,} dead, "
        f"{duplicated:,} duplicated; the scale of {counted(odd, 'layer')} stands out{not_finite}"
    )


def told(layer: Layer) -> str:
    """The size of a layer in a few words."""
    scale = "" if layer["scale"] is None else f", scale {layer['scale']:.3g}"
    return f"{counted(layer['filters'], 'filter')}{scale}"


def heights(counts: Sequence[int]) -> list[float]:
    """The bars of a histogram, highest 1: square roots of the counts, so that a thin tail is still seen."""
    most = max(counts, default=0)
    return [math.sqrt(count / most) if most else 0.0 for count in counts]


def scale_range(layers: Sequence[Layer]) -> tuple[float, float]:
    """Powers of ten around all scales above 0 (exponents), for an axis with a logarithmic scale."""
    exponents = [math.log10(layer["scale"]) for layer in layers if layer["scale"]]
    low, high = math.floor(min(exponents, default=-1)), math.ceil(max(exponents, default=0))
    return float(low), float(max(high, low + 1))


def height_of_scale(layer: Layer, limits: tuple[float, float]) -> float | None:
    """Where the scale of a layer lies between the limits of `scale_range`, in [0, 1]; None for a scale of 0 or none."""
    if not layer["scale"]:
        return None
    return (math.log10(layer["scale"]) - limits[0]) / (limits[1] - limits[0])
