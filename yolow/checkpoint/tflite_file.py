"""Read a TFLite file: its tensors, the operations that use them, and the metadata that Ultralytics appends.

Source of the rules: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/schema/schema.fbs
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yolow.checkpoint.contents import Contents, Role, TensorEntry
from yolow.checkpoint.flatbuffer import Flatbuffer, Table
from yolow.checkpoint.layer_precision import LayerPrecision, modules_with_weights, precision_facts
from yolow.checkpoint.raw_values import Place, Source, is_sensible, size_of
from yolow.checkpoint.tflite_operations import DEQUANTIZE, LAYERS, operation_name
from yolow.checkpoint.trailing_metadata import trailing_facts

_VERSION, _CODES, _SUBGRAPHS, _DESCRIPTION, _BUFFERS = 0, 1, 2, 3, 4
_DTYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 8: "complex64", 9: "int8",
    10: "float64", 11: "complex128", 12: "uint64", 15: "uint32", 16: "uint16", 17: "int4", 18: "bfloat16",
    19: "int2", 20: "uint4",
}  # fmt: skip
_NAME_SEPARATORS = re.compile(r"[/;]")


@dataclass(frozen=True)
class Operator:
    """One operation: its type, and the numbers of the tensors that it takes and gives."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass
class _Found:
    entries: list[TensorEntry] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    first_at: dict[int, str] = field(default_factory=dict)
    precision: list[LayerPrecision] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: {
            "quantized_tensors": 0,
            "scales": 0,
            "zero_points": 0,
            "per_channel_tensors": 0,
        }
    )
    sparse: int = 0


def read_tflite(path: Path) -> Contents:
    """Read a TFLite file.

    Raises:
        WeightsNotFoundError: there is no such file.
        WeightsError: it is not a TFLite file, or damaged.
    """
    source = Source.of(path)
    found = _Found()
    with source.open() as file:
        model = Flatbuffer(source, file).root(b"TFL3")
        facts: dict[str, Any] = {"schema_version": model.number(_VERSION, "I")}
        if description := model.text(_DESCRIPTION):
            facts["producer"] = description
        kinds = [_operation(code) for code in model.tables(_CODES)]
        buffers = [_buffer(source, one) for one in model.tables(_BUFFERS)]
        graphs = model.tables(_SUBGRAPHS)
        for number, graph in enumerate(graphs):
            _Graph(source, graph, kinds, f"subgraph{number}/" if number else "").read(buffers, found)
        facts |= trailing_facts(source, file)
    facts |= precision_facts(found.precision)
    if found.counts["quantized_tensors"]:
        facts["quantization"] = facts.get("quantization", {}) | found.counts
    if found.sparse:
        facts["sparse_tensors"] = found.sparse
    return Contents(
        path=path,
        format="tflite",
        size_bytes=source.size_bytes,
        entries=tuple(found.entries),
        modules=modules_with_weights(found.entries),
        facts=facts,
        reader=lambda entry: found.places[entry.name].values(entry.dtype, entry.shape),
    )


def _operation(code: Table) -> str:
    # Files of before 2021 have the number in a field of one byte, newer ones in both where it fits.
    return operation_name(max(code.number(0, "b"), code.number(3, "i")), code.text(1))


def _buffer(source: Source, buffer: Table) -> Place:
    start, size = buffer.range(0)
    if size == 0 and (outside := buffer.number(1, "Q")) > 1:  # beyond 2 GB, values follow the flatbuffer
        start, size = outside, buffer.number(2, "Q")
    if start + size > source.size_bytes:
        raise source.error("the file is cut short or damaged", f"values at byte {start}")
    return Place(source, start, size)


class _Graph:
    """One subgraph: its tensors and operations."""

    def __init__(self, source: Source, graph: Table, kinds: list[str], prefix: str) -> None:
        self._source = source
        self._prefix = prefix
        self._tensors = graph.tables(0)
        self._names = [tensor.text(3) for tensor in self._tensors]
        self._operators = [self._operator(one, kinds) for one in graph.tables(3)]
        self._users: dict[int, tuple[Operator, int]] = {}
        for operator in self._operators:
            for place, tensor in enumerate(operator.inputs):
                self._users.setdefault(tensor, (operator, place))

    def read(self, buffers: list[Place], found: _Found) -> None:
        """Add the tensors that have values, and the precision of the layers."""
        entries: dict[int, TensorEntry] = {}
        for number, tensor in enumerate(self._tensors):
            self._count_scales(tensor, found)
            which = tensor.number(2, "I")
            if which >= len(buffers):
                raise self._source.error("a tensor names values that are not there", self._names[number])
            if buffers[which].size_bytes and (entry := self._entry(number, buffers[which], which, found)):
                entries[number] = entry
                found.entries.append(entry)
                found.places[entry.name] = buffers[which]
        found.precision += self._precision(entries)

    def _operator(self, operator: Table, kinds: list[str]) -> Operator:
        code = operator.number(0, "I")
        inputs, outputs = operator.numbers(1, "i"), operator.numbers(2, "i")
        # -1 is an optional input that is not given.
        in_range = all(-1 <= tensor < len(self._tensors) for tensor in (*inputs, *outputs))
        if code >= len(kinds) or not in_range:
            raise self._source.error("an operation names a type or a tensor that is not there")
        return Operator(kinds[code], inputs, outputs)

    def _entry(self, number: int, place: Place, which: int, found: _Found) -> TensorEntry | None:
        tensor = self._tensors[number]
        dtype = _DTYPES.get(tensor.number(1, "b"))
        if dtype is None:  # texts and handles
            return None
        if tensor.table(6) is not None:
            found.sparse += 1
            return None
        shape = tensor.numbers(0, "i")
        if not is_sensible(shape) or size_of(dtype, shape) != place.size_bytes:
            raise self._source.error("a tensor's size contradicts its type and shape", self._names[number])
        name = self._prefix + self._names[number]
        if not name or name in found.places:
            name = f"{name}#{number}"
        user, index = self._user(number)
        shared_with = found.first_at.setdefault(which, name)
        return TensorEntry(
            name=name,
            role=_role(user, index),
            dtype=dtype,
            shape=shape,
            size_bytes=place.size_bytes,
            module=self._module(user) if user is not None else _dotted(name),
            kind=None if user is None else user.kind,
            shared_with=None if shared_with == name else shared_with,
        )

    def _user(self, number: int) -> tuple[Operator | None, int]:
        user, index = self._users.get(number, (None, 0))
        if user is not None and user.kind == DEQUANTIZE and user.outputs:  # 16-bit weights are widened first
            return self._users.get(user.outputs[0], (user, index))
        return user, index

    def _module(self, operator: Operator) -> str:
        given = [self._names[number] for number in operator.outputs[:1] if number >= 0]
        return self._prefix + (_dotted(given[0]) if given else operator.kind)

    def _precision(self, entries: dict[int, TensorEntry]) -> Iterator[LayerPrecision]:
        sources = {
            one.outputs[0]: one.inputs[0]
            for one in self._operators
            if one.kind == DEQUANTIZE and one.inputs and one.outputs
        }
        for operator in self._operators:
            weight, _, data = LAYERS.get(operator.kind, (99, None, 0))
            if weight >= len(operator.inputs) or data >= len(operator.inputs):
                continue
            number = operator.inputs[weight]
            entry = entries.get(sources.get(number, number))
            taken = operator.inputs[data]
            if entry is not None and taken >= 0:
                yield LayerPrecision(
                    module=self._module(operator),
                    kind=operator.kind,
                    weights=entry.dtype,
                    activations=self._tensors[taken].number(1, "b") in (3, 7, 9),
                    size_bytes=entry.size_bytes,
                )

    def _count_scales(self, tensor: Table, found: _Found) -> None:
        quantization = tensor.table(4)
        scales = quantization.length(2, 4) if quantization is not None else 0
        if quantization is None or not scales:
            return
        found.counts["quantized_tensors"] += 1
        found.counts["scales"] += scales
        found.counts["zero_points"] += quantization.length(3, 8)
        found.counts["per_channel_tensors"] += scales > 1


def _role(user: Operator | None, index: int) -> Role:
    if user is None or user.kind not in LAYERS:
        return "buffer"
    weight, bias, _ = LAYERS[user.kind]
    return "weight" if index == weight else "bias" if index == bias else "buffer"


def _dotted(name: str) -> str:
    return _NAME_SEPARATORS.sub(".", name.partition(";")[0].strip("/"))
