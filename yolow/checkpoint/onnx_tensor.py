"""Tensors of an ONNX file: where their values lie and how they are written.

Source of the rules: `TensorProto` in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto and
docs/ExternalData.md beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolow.checkpoint.export_folder import inside
from yolow.checkpoint.protobuf_wire import Field, Wire
from yolow.checkpoint.raw_values import BITS, Place, Source, decoded, is_sensible, size_of

if TYPE_CHECKING:
    import numpy as np

_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
    17: "float8_e4m3fn", 18: "float8_e4m3fnuz", 19: "float8_e5m2", 20: "float8_e5m2fnuz", 21: "uint4", 22: "int4",
    23: "float4_e2m1fn", 24: "float8_e8m0fnu", 25: "uint2", 26: "int2", 27: "float6_e2m3fn", 28: "float6_e3m2fn",
}  # fmt: skip
_TEXTS = 8
_DIMS, _DATA_TYPE, _SEGMENT, _NAME, _RAW, _EXTERNAL, _LOCATION = 1, 2, 3, 8, 9, 13, 14
# Field of the typed values -> whether they are whole numbers of variable length.
_TYPED = {4: False, 5: True, 7: True, 10: False, 11: True}
_TYPED_FIELD = {
    "float32": 4, "complex64": 4, "float64": 10, "complex128": 10, "int64": 7, "uint32": 11, "uint64": 11,
}  # fmt: skip
_MAX_DIMENSIONS = 16


@dataclass(frozen=True, kw_only=True)
class OnnxTensor:
    """One tensor without its values.

    Attributes:
        name: as the file gives it; empty for the value of a Constant.
        place: where the values lie, in this file or in another of the folder.
        varints: whether they are written as numbers of variable length.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    place: Place
    varints: bool

    @property
    def size_bytes(self) -> int:
        """Bytes of the values."""
        return size_of(self.dtype, self.shape)

    @property
    def values(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    def read(self) -> np.ndarray:
        """The values, as `Contents.read` gives them."""
        if not self.varints:
            return self.place.values(self.dtype, self.shape)
        source = self.place.source
        raw = _plain_bytes(source.read(self.place.offset, self.place.size_bytes), self.dtype)
        if len(raw) != self.size_bytes:
            raise source.error("a tensor's size contradicts its type and shape", self.name)
        return decoded(source, raw, self.dtype, self.shape)


def read_tensor(wire: Wire, start: int, end: int) -> OnnxTensor | None:
    """The tensor in these bytes; None for one of texts.

    Raises:
        WeightsError: it is damaged, its values lie outside the file or the model's folder, or are not as many as
            its shape says.
    """
    source = wire.source
    name, data_type, in_other_file = "", 0, False
    external: dict[str, str] = {}
    dims: list[int] = []
    data: list[Field] = []
    for field in wire.fields(start, end):
        if field.number == _DIMS:
            dims += wire.numbers(field, _MAX_DIMENSIONS)
        elif field.number == _DATA_TYPE:
            data_type = field.value
        elif field.number == _NAME:
            name = wire.text(field)
        elif field.number == _EXTERNAL:
            external.update([read_pair(wire, field)])
        elif field.number == _LOCATION:
            in_other_file = field.value == 1
        elif field.number == _SEGMENT:
            raise source.error("the file keeps a tensor in segments, which no reader supports", name)
        elif field.number in _TYPED or field.number == _RAW:
            data.append(field)
    if data_type == _TEXTS:
        return None
    if data_type not in _DTYPES or not is_sensible(tuple(dims)):
        raise source.error("a tensor has an unknown type or no sensible shape", name)
    dtype, shape = _DTYPES[data_type], tuple(dims)
    if in_other_file or external:
        place, varints = _external_place(source, external, size_of(dtype, shape)), False
    else:
        place, varints = _own_place(source, data, dtype, shape)
    return OnnxTensor(name=name, dtype=dtype, shape=shape, place=place, varints=varints)


def read_pair(wire: Wire, field: Field) -> tuple[str, str]:
    """One key and its value, both texts."""
    told = {
        part.number: wire.text(part) for part in wire.fields(field.start, field.end) if part.number in (1, 2)
    }
    return told.get(1, ""), told.get(2, "")


def _own_place(source: Source, data: list[Field], dtype: str, shape: tuple[int, ...]) -> tuple[Place, bool]:
    size_bytes = size_of(dtype, shape)
    if not data and size_bytes == 0:
        return Place(source, 0, 0), False
    if len(data) != 1 or not data[0].is_bytes:
        raise source.error("a tensor's values are missing or written in an unknown way")
    field = data[0]
    place = Place(source, field.start, field.end - field.start)
    if field.number != _RAW and field.number != _TYPED_FIELD.get(dtype, 5):
        raise source.error("a tensor's values are of another type than it says")
    if field.number == _RAW or not _TYPED[field.number]:
        fits = place.size_bytes == size_bytes
        return _checked(place, fits), False
    # One to ten bytes a number, and a number a value, or a byte of several small values.
    numbers = size_bytes if BITS[dtype] < 8 else size_bytes * 8 // BITS[dtype]
    return _checked(place, numbers <= place.size_bytes <= 10 * numbers), True


def _checked(place: Place, fits: bool) -> Place:
    if not fits:
        raise place.source.error("a tensor's size contradicts its type and shape")
    return place


def _external_place(source: Source, external: dict[str, str], size_bytes: int) -> Place:
    """Values in another file, which must lie in the model's own folder."""
    numbers = {key: external.get(key, "0") for key in ("offset", "length")}
    if not all(text.isascii() and text.isdecimal() and len(text) < 19 for text in numbers.values()):
        raise source.error("the place of a tensor in another file is no number")
    other = Source.of(inside(source.path.parent, external.get("location", "")))
    offset = int(numbers["offset"])
    length = int(numbers["length"]) if "length" in external else other.size_bytes - offset
    if length != size_bytes or offset + length > other.size_bytes:
        raise source.error("a tensor lies outside the file of its values", str(other.path))
    return Place(other, offset, length)


def _plain_bytes(packed: bytes, dtype: str) -> bytes:
    """Numbers of variable length as numbers of the type's own width."""
    import numpy as np

    codes = np.frombuffer(packed, np.uint8)
    ends = np.flatnonzero(codes < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
    lengths = ends - starts + 1
    values: np.ndarray = np.zeros(len(ends), np.uint64)
    for index in range(min(10, int(lengths.max(initial=0)))):
        here = lengths > index
        part = (codes[starts[here] + index] & 0x7F).astype(np.uint64)
        values[here] |= part << np.uint64(7 * index)
    width = max(8, BITS[dtype])
    return values.astype(f"<u{width // 8}").tobytes()
