"""Read the values of a checkpoint's tensors straight from its archive."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from yolow.checkpoint.contents import TensorEntry
from yolow.checkpoint.raw_values import Source, decoded
from yolow.checkpoint.tensors import Tensor
from yolow.checkpoint.verified import Verified

if TYPE_CHECKING:
    import numpy as np

_BLOCK_BYTES = 1024**2
# torch never packs its storages, zip tools do: what unpacks to more than this, in all, was made to.
_MAX_UNPACKED_RATIO = 8
_MIN_UNPACKED_BYTES = 64 * 1024**2
_MAX_PACKED_TENSOR_BYTES = 256 * 1024**2


@dataclass(frozen=True, kw_only=True)
class _Storage:
    """Where a storage stands in the file."""

    start: int
    stored_bytes: int
    size_bytes: int
    packed: bool


class StoredValues:
    """Gives the values of a verified checkpoint's tensors, one at a time; holds no file open in between.

    Args:
        verified: the checkpoint. Of it only names and places are kept.
    """

    def __init__(self, verified: Verified) -> None:
        device, inode, size_bytes, written_ns, _ = verified.identity
        self._source = Source(verified.path, size_bytes, (device, inode, written_ns))
        self._tensors = verified.table.tensors
        self._storages: dict[str, _Storage] = {}
        for key in {tensor.storage for tensor in self._tensors.values()}:
            member = verified.archive.members[f"data/{key}"]
            self._storages[key] = _Storage(
                start=verified.archive.content_start(member),
                stored_bytes=member.stored_bytes,
                size_bytes=member.size_bytes,
                packed=member.packed,
            )
        unpacked_bytes = sum(storage.size_bytes for storage in self._storages.values())
        self._may_unpack_bytes = max(_MIN_UNPACKED_BYTES, _MAX_UNPACKED_RATIO * unpacked_bytes)

    def __call__(self, entry: TensorEntry) -> np.ndarray:
        """The values of one tensor in its shape; bfloat16 and float8 as float32.

        Raises:
            WeightsError: the file has changed, or its packed storages unpack to an absurd size.
        """
        import numpy as np

        tensor = self._tensors[entry.name]
        if tensor.values == 0:
            return decoded(self._source, b"", tensor.dtype, tensor.shape)
        last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride, strict=True))
        with self._source.open() as file:
            raw = self._read(file, tensor, (last + 1) * tensor.value_bytes)
        if _is_contiguous(tensor):
            return decoded(self._source, raw, tensor.dtype, tensor.shape)
        flat = decoded(self._source, raw, tensor.dtype, (last + 1,))
        strides = [step * flat.itemsize for step in tensor.stride]
        array: np.ndarray = np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, tensor.shape, strides))
        return array

    def _read(self, file: BinaryIO, tensor: Tensor, size_bytes: int) -> bytes:
        storage, start = self._storages[tensor.storage], tensor.offset * tensor.value_bytes
        if storage.packed:
            return self._unpack(file, storage, start, size_bytes)
        return self._source.read_from(file, storage.start + start, size_bytes)

    def _unpack(self, file: BinaryIO, storage: _Storage, start: int, size_bytes: int) -> bytes:
        """Part of a deflated storage; what comes before it is unpacked and dropped, block by block."""
        end = start + size_bytes
        self._may_unpack_bytes -= end
        if self._may_unpack_bytes < 0 or size_bytes > _MAX_PACKED_TENSOR_BYTES:
            raise self._source.error("the checkpoint's packed tensors unpack to an absurd size")
        file.seek(storage.start)
        inflate, position, left = zlib.decompressobj(-zlib.MAX_WBITS), 0, storage.stored_bytes
        packed, content = b"", bytearray()
        while position < end:
            if not packed:
                packed = file.read(min(left, _BLOCK_BYTES))
                left -= len(packed)
            block = inflate.decompress(packed, _BLOCK_BYTES)
            if not block and not left:
                raise self._source.error("the file is cut short or damaged")
            packed = inflate.unconsumed_tail
            content += block[max(0, start - position) : max(0, end - position)]
            position += len(block)
        return bytes(content)


def _is_contiguous(tensor: Tensor) -> bool:
    """Whether values stand in the order of the dimensions; a dimension of one value may have any stride."""
    step = 1
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.stride), strict=True):
        if size != 1 and stride != step:
            return False
        step *= size
    return True
