"""Which layer of an ONNX graph each tensor belongs to, as what, and how exactly the layer computes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yolow.checkpoint.contents import Role, TensorEntry
from yolow.checkpoint.layer_precision import LayerPrecision, comes_quantized, precision_facts

if TYPE_CHECKING:
    from yolow.checkpoint.onnx_tensor import OnnxTensor

# Type of a layer -> which of its inputs are the weights and the bias.
_LAYERS: dict[str, tuple[int, int | None]] = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (1, None),
    "ConvInteger": (1, None),
    "MatMulInteger": (1, None),
    "QLinearConv": (3, 8),
    "QLinearMatMul": (3, None),
}
_NORMS = {"BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization"}
# What may stand between a tensor and the layer that uses it.
_PASSING = {
    "Identity", "DequantizeLinear", "QuantizeLinear", "Cast", "Reshape", "Transpose", "Unsqueeze", "Squeeze",
}  # fmt: skip
_MAX_STEPS = 8
# Constants of so few values are indexes and factors of the export, not knowledge.
_SMALL_CONSTANT_VALUES = 16
_PARAMETER = re.compile(
    r"(?P<module>.+)\.(?P<leaf>weight|bias|running_mean|running_var|num_batches_tracked)(_quantized)?"
)


@dataclass(frozen=True)
class Node:
    """One operation: its type, its name, and the names of the values that it takes and gives."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Roles:
    """The graph as tensors see it.

    Args:
        nodes: all operations in the file's order.
        tensors: all tensors by the name under which operations take them.
    """

    def __init__(self, nodes: Iterable[Node], tensors: Mapping[str, OnnxTensor]) -> None:
        self._nodes = list(nodes)
        self._tensors = tensors
        self._users: dict[str, tuple[Node, int]] = {}
        self._makers: dict[str, Node] = {}
        for node in self._nodes:
            for index, name in enumerate(node.inputs):
                self._users.setdefault(name, (node, index))
            for name in node.outputs:
                self._makers.setdefault(name, node)

    def entries(self) -> tuple[tuple[TensorEntry, ...], dict[str, OnnxTensor]]:
        """An entry for each tensor, and the tensors by the names of the entries."""
        entries, kept = [], {}
        for name, tensor in self._tensors.items():
            if not tensor.name and tensor.values <= _SMALL_CONSTANT_VALUES:
                continue
            entries.append(self._entry(name, tensor, None))
            kept[name] = tensor
        for node in self._nodes:
            # The exporter keeps equal tensors once and gives the others by Identity.
            if node.kind == "Identity" and len(node.inputs) == len(node.outputs) == 1:
                first, name = node.inputs[0], node.outputs[0]
                if first in kept and name not in kept:
                    entries.append(self._entry(name, kept[first], first))
                    kept[name] = kept[first]
        return tuple(entries), kept

    def quantization(self) -> dict[str, Any]:
        """Facts about the precision of each layer with weights."""
        layers = [layer for node in self._nodes if (layer := self._precision(node)) is not None]
        facts = precision_facts(layers)
        if facts:
            kinds = [node.kind for node in self._nodes]
            facts["quantization"] |= {
                "quantize_nodes": kinds.count("QuantizeLinear") + kinds.count("DynamicQuantizeLinear"),
                "dequantize_nodes": kinds.count("DequantizeLinear"),
            }
        return facts

    def _entry(self, name: str, tensor: OnnxTensor, shared_with: str | None) -> TensorEntry:
        user, index = self._follow(name)
        role = self._role(name, user, index)
        if role == "bias" and user is not None and user.kind == "Add":
            user = self._layer_before(user, index) or user
        module = _module_by_name(name)
        if module is None:
            module = _module_of(user) if user is not None else name.rpartition(".")[0]
        return TensorEntry(
            name=name,
            role=role,
            dtype=tensor.dtype,
            shape=tensor.shape,
            size_bytes=tensor.size_bytes,
            module=module,
            kind=None if user is None else user.kind,
            shared_with=shared_with,
        )

    def _follow(self, name: str) -> tuple[Node | None, int]:
        """The operation that uses a tensor in the end, and as which of its inputs."""
        node, index = None, 0
        for _ in range(_MAX_STEPS):
            if name not in self._users:
                break
            node, index = self._users[name]
            if node.kind not in _PASSING or index != 0 or not node.outputs:
                break
            name = node.outputs[0]
        return node, index

    def _role(self, name: str, user: Node | None, index: int) -> Role:
        if user is None:
            return _role_by_name(name)
        if user.kind in _NORMS:
            roles: dict[int, Role] = {1: "norm_weight", 2: "norm_bias"}
            return roles.get(index, "buffer")
        if user.kind in _LAYERS:
            weight, bias = _LAYERS[user.kind]
            return "weight" if index == weight else "bias" if index == bias else "buffer"
        if user.kind == "Add" and self._layer_before(user, index) is not None:
            return "bias"
        return _role_by_name(name)

    def _layer_before(self, addition: Node, index: int) -> Node | None:
        """The layer whose result is added to the input at `index`."""
        others = [name for place, name in enumerate(addition.inputs) if place != index]
        makers = [self._makers[name] for name in others if name in self._makers]
        return next((maker for maker in makers if maker.kind in _LAYERS), None)

    def _precision(self, node: Node) -> LayerPrecision | None:
        if node.kind not in _LAYERS or len(node.inputs) <= _LAYERS[node.kind][0]:
            return None
        tensor_name = self._origin(node.inputs[_LAYERS[node.kind][0]])
        tensor = self._tensors.get(tensor_name)
        if tensor is None:
            return None
        quantized = node.kind.startswith("QLinear") or node.kind.endswith("Integer")
        quantized = quantized or comes_quantized(
            self._makers.get(node.inputs[0]), _kind, self._sources, "DequantizeLinear"
        )
        return LayerPrecision(
            module=_module_by_name(tensor_name) or _module_of(node),
            kind=node.kind,
            weights=tensor.dtype,
            activations=quantized,
            size_bytes=tensor.size_bytes,
        )

    def _origin(self, name: str) -> str:
        """The tensor behind operations that only pass it on."""
        for _ in range(_MAX_STEPS):
            maker = self._makers.get(name)
            if name in self._tensors or maker is None or maker.kind not in _PASSING or not maker.inputs:
                break
            name = maker.inputs[0]
        return name

    def _sources(self, node: Node) -> list[Node | None]:
        return [self._makers.get(name) for name in node.inputs]


def _kind(node: Node) -> str:
    return node.kind


def _module_by_name(name: str) -> str | None:
    match = _PARAMETER.fullmatch(name)
    return match["module"] if match else None


def _module_of(node: Node) -> str:
    """`/model.0/conv/Conv` is the convolution of `model.0.conv`."""
    if "/" in node.name:
        return node.name.strip("/").rpartition("/")[0].replace("/", ".") or node.name
    return node.name or next(iter(node.outputs), node.kind)


def _role_by_name(name: str) -> Role:
    match = _PARAMETER.fullmatch(name)
    if match and match["leaf"] == "weight":
        return "weight"
    return "bias" if match and match["leaf"] == "bias" else "buffer"
