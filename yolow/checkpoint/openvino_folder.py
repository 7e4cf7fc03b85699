"""Read an OpenVINO export: the graph in its XML, the tensors in the .bin beside it, Ultralytics' metadata.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yolow.checkpoint.contents import Contents, Role, TensorEntry
from yolow.checkpoint.export_folder import folder_facts, inside, model_files
from yolow.checkpoint.layer_precision import (
    LayerPrecision,
    comes_quantized,
    modules_with_weights,
    precision_facts,
)
from yolow.checkpoint.openvino_xml import Layer, Network, dimensions, read_xml, whole_number
from yolow.checkpoint.raw_values import Place, Source, is_sensible, size_of

_DTYPES = {
    "f64": "float64", "f32": "float32", "f16": "float16", "bf16": "bfloat16", "boolean": "bool",
    "i64": "int64", "i32": "int32", "i16": "int16", "i8": "int8", "i4": "int4",
    "u64": "uint64", "u32": "uint32", "u16": "uint16", "u8": "uint8", "u6": "uint6", "u4": "uint4", "u3": "uint3",
    "u2": "uint2", "u1": "uint1", "nf4": "nf4", "f4e2m1": "float4_e2m1fn",
    "f8e4m3": "float8_e4m3fn", "f8e5m2": "float8_e5m2", "f8e8m0": "float8_e8m0fnu",
}  # fmt: skip
_LAYERS = {
    "Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData", "MatMul",
    "DeformableConvolution",
}  # fmt: skip
_NORM_ROLES: dict[int, Role] = {1: "norm_weight", 2: "norm_bias"}
# What may stand between a constant and the layer that uses it, where all of its inputs are constants.
_PASSING = {"Convert", "FakeQuantize", "Multiply", "Subtract", "Reshape", "Transpose", "Unsqueeze", "Squeeze"}
# What a constant is to the weights that it makes real numbers of: the operation, and at which of its inputs.
_CONVERSIONS = {
    ("Multiply", 1): "scale", ("Subtract", 1): "zero_point", ("FakeQuantize", 1): "input_low",
    ("FakeQuantize", 2): "input_high", ("FakeQuantize", 3): "output_low", ("FakeQuantize", 4): "output_high",
}  # fmt: skip
_MAX_STEPS = 8
_TEXTS = ("string", "dynamic", "undefined")


def read_openvino(path: Path) -> Contents:
    """Read an OpenVINO export folder, or one model of a folder by its XML.

    Raises:
        WeightsNotFoundError: there is no such folder or file.
        WeightsError: it is no OpenVINO export, or damaged.
    """
    folder, files, described = model_files(path, ".xml")
    xml, values = Source.of(described), Source.of(inside(folder, f"{described.stem}.bin"))
    network = read_xml(xml)
    tensors = _Tensors(xml, values, network)
    entries = tensors.entries()
    return Contents(
        path=path,
        format="openvino",
        size_bytes=sum(Source.of(file).size_bytes for file in files),
        entries=entries,
        modules=modules_with_weights(entries),
        facts=_facts(network) | folder_facts(folder, files) | tensors.precision(),
        reader=lambda entry: tensors.places[entry.name].values(entry.dtype, entry.shape),
    )


class _Tensors:
    """The constants of a network as tensors of its layers."""

    def __init__(self, xml: Source, values: Source, network: Network) -> None:
        self._xml = xml
        self._values = values
        self._network = network
        self._weights: dict[int, TensorEntry] = {}
        self._constants = _constant_layers(network)
        self.places: dict[str, Place] = {}

    def entries(self) -> tuple[TensorEntry, ...]:
        """An entry for each constant that lies in the .bin, in the XML's order.

        Raises:
            WeightsError: one lies outside, contradicts its type and shape, or overlaps another.
        """
        entries: list[TensorEntry] = []
        first_at: dict[tuple[int, int], str] = {}
        for layer in self._network.layers:
            if layer.kind != "Const" or layer.data.get("element_type") in _TEXTS:
                continue
            dtype, shape, place = self._constant(layer)
            role, leaf, user = self._role(layer, shape)
            name = self._name(layer, leaf, user)
            at = (place.offset, place.size_bytes)
            # The writer keeps equal constants once.
            shared_with = first_at.setdefault(at, name) if place.size_bytes else name
            entry = TensorEntry(
                name=name,
                role=role,
                dtype=dtype,
                shape=shape,
                size_bytes=place.size_bytes,
                module=_dotted(layer.name) if user is None else _module_of(user),
                kind=None if user is None else user.kind,
                shared_with=None if shared_with == name else shared_with,
            )
            self.places[name] = place
            entries.append(entry)
            if role == "weight" and user is not None:
                self._weights[id(user)] = entry
        self._refuse_overlaps(list(first_at))
        return tuple(entries)

    def precision(self) -> dict[str, Any]:
        """Facts about the precision of each layer with weights."""
        layers = [
            LayerPrecision(
                module=_module_of(layer),
                kind=layer.kind,
                weights=weights.dtype,
                activations=comes_quantized(layer.inputs.get(0), _kind, _sources, "FakeQuantize"),
                size_bytes=weights.size_bytes,
            )
            for layer in self._network.layers
            if (weights := self._weights.get(id(layer))) is not None
        ]
        facts = precision_facts(layers)
        if facts:
            kinds = [layer.kind for layer in self._network.layers]
            facts["quantization"]["fake_quantize_nodes"] = kinds.count("FakeQuantize")
        return facts

    def _constant(self, layer: Layer) -> tuple[str, tuple[int, ...], Place]:
        dtype = _DTYPES.get(layer.data.get("element_type", ""))
        shape = dimensions(self._xml, layer.data.get("shape", ""))
        if dtype is None or not is_sensible(shape):
            raise self._xml.error("a tensor has an unknown type or no sensible shape", layer.name)
        offset, size = whole_number(self._xml, layer, "offset"), whole_number(self._xml, layer, "size")
        if size != size_of(dtype, shape):
            raise self._xml.error("a tensor's size contradicts its type and shape", layer.name)
        if offset + size > self._values.size_bytes:
            raise self._values.error("the file of the values is cut short", f"{layer.name} lies outside it")
        return dtype, shape, Place(self._values, offset, size)

    def _role(self, layer: Layer, shape: tuple[int, ...]) -> tuple[Role, str | None, Layer | None]:
        """What a constant is to the layer that uses it in the end, its name there, and which layer that is."""
        node, port, conversion, is_value = layer, 0, None, True
        for _ in range(_MAX_STEPS):
            if not node.users:
                return "buffer", None, None
            node, port = node.users[0]
            if node.kind not in _PASSING or id(node) not in self._constants:
                break
            if port:
                conversion, is_value = _CONVERSIONS.get((node.kind, port)), False
        if node.kind in _LAYERS and port == 1:
            if is_value and len(shape) > 1:
                return "weight", "weight", node
            return "buffer", f"weight_{conversion}" if conversion else None, node
        if node.kind == "BatchNormInference" and is_value:
            role = _NORM_ROLES.get(port, "buffer")
            return role, {"norm_weight": "weight", "norm_bias": "bias"}.get(role), node
        if node.kind == "Add" and is_value and port < 2:
            other = node.inputs.get(1 - port)
            if other is not None and other.kind in _LAYERS and id(other) not in self._constants:
                return "bias", "bias", other
        return "buffer", None, node

    def _name(self, layer: Layer, leaf: str | None, user: Layer | None) -> str:
        """The network's own name where it can be told, else the layer's; unique."""
        name = f"{_module_of(user)}.{leaf}" if leaf and user is not None else layer.name
        if name in self.places:
            name = layer.name
        if name in self.places or not name:
            name = f"{layer.name}#{layer.key[0]}.{layer.key[1]}"
        return name

    def _refuse_overlaps(self, ranges: list[tuple[int, int]]) -> None:
        end = 0
        for offset, size in sorted(ranges):
            if size and offset < end:
                raise self._values.error("tensors of the model overlap", f"at byte {offset}")
            end = max(end, offset + size)


def _constant_layers(network: Network) -> set[int]:
    """Ids of the layers whose values depend on constants alone."""
    waiting = [layer for layer in network.layers if layer.kind == "Const"]
    missing = {id(layer): len(layer.inputs) for layer in network.layers}
    constant = {id(layer) for layer in waiting}
    while waiting:
        for user, _ in waiting.pop().users:
            missing[id(user)] -= 1
            if missing[id(user)] == 0 and user.kind in _PASSING and id(user) not in constant:
                constant.add(id(user))
                waiting.append(user)
    return constant


def _sources(layer: Layer) -> list[Layer | None]:
    return [one for _, one in sorted(layer.inputs.items())]


def _kind(layer: Layer) -> str:
    return layer.kind


def _module_of(layer: Layer) -> str:
    """`__module.model.0.conv/aten::_convolution/Convolution` and `/model.0/conv/Conv` both are `model.0.conv`."""
    if layer.name.startswith("/"):
        return layer.name.strip("/").rpartition("/")[0].replace("/", ".") or layer.name
    return _dotted(layer.name.partition("/")[0])


def _dotted(name: str) -> str:
    return name.removeprefix("__module.").removeprefix("self.")


def _facts(network: Network) -> dict[str, Any]:
    facts: dict[str, Any] = {"ir_version": int(network.version)}
    runtime = network.rt_info.get("Runtime_version")
    if type(runtime) is str:
        facts["openvino_version"] = runtime
    for name in ("nncf", "model_info", "conversion_parameters"):
        if type(told := network.rt_info.get(name)) is dict:
            facts[name] = told
    return facts
