"""Which layers of an export compute with small integers, and which with floats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from yolow.checkpoint.contents import ModuleEntry, TensorEntry

Node = TypeVar("Node")

_SMALL_INTEGERS = {"int8", "uint8", "int4", "uint4", "int2", "uint2", "nf4"}
# Operations that only move values: what was quantized before them still is behind them.
_MOVING = {
    "Concat", "Split", "VariadicSplit", "MaxPool", "Reshape", "Transpose", "Slice", "StridedSlice", "Interpolate",
    "Resize", "Squeeze", "Unsqueeze", "Gather", "Pad", "Flatten", "Identity", "DepthToSpace", "SpaceToDepth",
    "ShuffleChannels", "Relu", "ReLU", "Clip", "Clamp",
}  # fmt: skip
_MAX_STEPS = 64


@dataclass(frozen=True, kw_only=True)
class LayerPrecision:
    """How one layer with weights computes.

    Attributes:
        module: its dotted path.
        kind: type of its operation.
        weights: dtype in which its weights are kept.
        activations: whether its input was quantized.
        size_bytes: of its weights.
    """

    module: str
    kind: str
    weights: str
    activations: bool
    size_bytes: int


def modules_with_weights(entries: Sequence[TensorEntry]) -> tuple[ModuleEntry, ...]:
    """The layers of an export that have weights, in the entries' order, each of the kind that uses them."""
    kinds: dict[str, str] = {}
    for entry in entries:
        is_weight = entry.role in ("weight", "norm_weight")
        if entry.kind is not None and (is_weight or (entry.role != "buffer" and entry.module not in kinds)):
            kinds[entry.module] = entry.kind
    return tuple(ModuleEntry(path=module, kind=kind) for module, kind in kinds.items())


def precision_facts(layers: Iterable[LayerPrecision]) -> dict[str, Any]:
    """The facts `quantization`, which counts, and `precision`, which tells of each layer.

    `layers_int8` has weights and input in 8 bits or fewer, `layers_int8_weights` only the weights,
    `layers_float` neither.
    """
    counts = {"layers_int8": 0, "layers_int8_weights": 0, "layers_float": 0}
    precision: dict[str, Any] = {}
    for layer in layers:
        small = layer.weights in _SMALL_INTEGERS
        counts[
            "layers_float" if not small else "layers_int8" if layer.activations else "layers_int8_weights"
        ] += 1
        precision[layer.module] = {
            "kind": layer.kind,
            "weights": layer.weights,
            # With float weights it computes in floats, however coarse its input has become.
            "activations": "int8" if small and layer.activations else "float",
            "size_bytes": layer.size_bytes,
        }
    return {"quantization": counts, "precision": precision} if precision else {}


def comes_quantized(
    start: Node | None,
    kind_of: Callable[[Node], str],
    inputs_of: Callable[[Node], Sequence[Node | None]],
    quantizing: str,
) -> bool:
    """Whether all values that reach a layer passed an operation of the kind `quantizing` and were only moved since.

    Args:
        start: the operation that gives the layer its input; None for an input of the network.
        kind_of: type of an operation.
        inputs_of: the operations whose values it takes, data first.
        quantizing: `FakeQuantize` or `DequantizeLinear`.
    """
    waiting: list[Node | None] = [start]
    for _ in range(_MAX_STEPS):
        if not waiting:
            return True
        node = waiting.pop()
        kind = None if node is None else kind_of(node)
        if node is None or (kind != quantizing and kind not in _MOVING):
            return False
        if kind in _MOVING:
            sources = inputs_of(node)
            if len(sources) > _MAX_STEPS:
                return False
            waiting += sources if kind == "Concat" else sources[:1] or [None]
    return False
