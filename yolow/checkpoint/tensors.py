"""Tensors of a checkpoint: their sizes and types, compared with the storages that the archive really holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from yolow.checkpoint.archive import Archive
from yolow.checkpoint.stand_ins import Found, Made, Named

_MAX_DIMENSIONS = 16
# Storage type: (dtype of its values, bytes a value).
_STORAGES = {
    "DoubleStorage": ("float64", 8),
    "FloatStorage": ("float32", 4),
    "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2),
    "LongStorage": ("int64", 8),
    "IntStorage": ("int32", 4),
    "ShortStorage": ("int16", 2),
    "CharStorage": ("int8", 1),
    "ByteStorage": ("uint8", 1),
    "BoolStorage": ("bool", 1),
    "ComplexDoubleStorage": ("complex128", 16),
    "ComplexFloatStorage": ("complex64", 8),
    "UntypedStorage": ("uint8", 1),
}
# Types that have no storage type of their own; such tensors lie in an untyped storage.
_UNTYPED_BYTES = {"uint16": 2, "uint32": 4, "uint64": 8, "float8_e4m3fn": 1, "float8_e5m2": 1}
_REBUILD_TENSOR = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3")
_REBUILD_PARAMETER = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A tensor without its values.

    Attributes:
        dtype: torch's name of the type, such as `float16`.
        value_bytes: bytes of one value.
        shape: sizes of its dimensions.
        stride: steps of its dimensions, in values.
        offset: where its first value stands in its storage, in values.
        storage: key of its storage, the archive's entry `data/KEY`.
    """

    dtype: str
    value_bytes: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    storage: str

    @property
    def values(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Of its values."""
        return self.values * self.value_bytes


def check_tensors(found: Found, archive: Archive) -> None:
    """Compare all storages and tensors of a pickle with the archive; verify the checksums of the storages.

    Raises:
        WeightsError: a storage is missing, shorter than claimed or damaged; a tensor reaches outside its storage;
            an object outside the pickle is not a storage.
    """
    keys = set()
    for made in found.made:
        if made.how == "PERSID":
            keys.add(_check_storage(made, archive))
    for key in sorted(keys):
        archive.verify(archive.members[f"data/{key}"])
    for made in found.made:
        if _is_call_of(made, _REBUILD_TENSOR):
            problem = _tensor_problem(made.arguments)
            if problem is not None:
                raise archive.error(f"the checkpoint has a tensor {problem}")
        elif _is_call_of(made, _REBUILD_PARAMETER) and tensor_of_parameter(made) is None:
            raise archive.error("the checkpoint has a parameter that is not a tensor")


def tensor_of_parameter(value: Any) -> Tensor | None:
    """The tensor of a parameter that was checked, or None where the value is not a parameter."""
    if not _is_call_of(value, _REBUILD_PARAMETER) or not value.arguments:
        return None
    return tensor_of(value.arguments[0])


def tensor_of(value: Any) -> Tensor | None:
    """A tensor that was checked, or None where the value is not a tensor."""
    if not _is_call_of(value, _REBUILD_TENSOR):
        return None
    dtype, value_bytes = _dtype_and_bytes(value.arguments)
    storage, offset, shape, stride = value.arguments[:4]
    return Tensor(
        dtype=dtype,
        value_bytes=value_bytes,
        shape=shape,
        stride=stride,
        offset=offset,
        storage=storage.arguments[0][2],
    )


def _is_call_of(value: Any, full_names: tuple[str, ...]) -> bool:
    return type(value) is Made and type(value.maker) is Named and value.maker.full_name in full_names


def _check_storage(made: Made, archive: Archive) -> str:
    """The key of a storage that is whole."""
    claim = _storage_claim(made)
    if claim is None:
        raise archive.error(
            "the checkpoint refers to an object outside its pickle that is not a tensor's storage"
        )
    kind, key, values = claim
    member = archive.members.get(f"data/{key}")
    if member is None:
        raise archive.error("the checkpoint lacks the storage of a tensor", f"missing: {ascii(key)[:80]}")
    needed_bytes = values * _STORAGES[kind][1]
    if member.size_bytes < needed_bytes:
        raise archive.error(
            "the checkpoint has a storage shorter than its tensor claims",
            f"entry: {member.name}, {member.size_bytes} bytes in place of {needed_bytes}",
        )
    return key


def _storage_claim(made: Made) -> tuple[str, str, int] | None:
    """Storage type, key and number of values, or None where it is not the record of a storage."""
    (identity,) = made.arguments
    if type(identity) is not tuple or len(identity) != 5 or identity[0] != "storage":
        return None
    kind, key, values = identity[1], identity[2], identity[4]
    if type(kind) is not Named or kind.name not in _STORAGES or type(key) is not str or not _is_size(values):
        return None
    return kind.name, key, values


def _tensor_problem(arguments: tuple[Any, ...]) -> str | None:
    """Why a tensor can't be built from its storage, or None."""
    if len(arguments) < 6 or type(arguments[0]) is not Made or arguments[0].how != "PERSID":
        return "without a storage"
    storage, offset, shape, stride = arguments[:4]
    claim = _storage_claim(storage)
    if claim is None or type(shape) is not tuple or type(stride) is not tuple:
        return "without a shape"
    if len(shape) != len(stride) or len(shape) > _MAX_DIMENSIONS:
        return "of an impossible shape"
    if not _is_size(offset) or not all(map(_is_size, shape)) or not all(map(_is_size, stride)):
        return "with a negative size, stride or offset"
    if math.prod(shape) == 0:
        return None
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    capacity = claim[2] * _STORAGES[claim[0]][1] // _dtype_and_bytes(arguments)[1]
    # A stride of zero repeats values: such a tensor fits anywhere, but unpacks to any size.
    if last >= capacity or math.prod(shape) > capacity:
        return f"larger than its storage: {shape}"
    return None


def _dtype_and_bytes(arguments: tuple[Any, ...]) -> tuple[str, int]:
    """The dtype of a tensor and the bytes of one value, from what it is rebuilt with."""
    if len(arguments) > 6 and type(arguments[6]) is Named and arguments[6].name in _UNTYPED_BYTES:
        return arguments[6].name, _UNTYPED_BYTES[arguments[6].name]
    return _STORAGES[arguments[0].arguments[0][1].name]


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0
