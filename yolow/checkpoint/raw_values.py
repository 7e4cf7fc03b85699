"""Values of a tensor that lie in a file as plain little-endian bytes, as most export formats keep them."""

from __future__ import annotations

import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from yolow.errors import WeightsError, WeightsNotFoundError

if TYPE_CHECKING:
    import numpy as np

# dtype -> bits a value; several values of fewer than 8 bits share a byte.
BITS = {
    "float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "complex64": 64, "complex128": 128,
    "int64": 64, "int32": 32, "int16": 16, "int8": 8, "uint64": 64, "uint32": 32, "uint16": 16, "uint8": 8, "bool": 8,
    "float8_e4m3fn": 8, "float8_e5m2": 8, "float8_e4m3fnuz": 8, "float8_e5m2fnuz": 8, "float8_e8m0fnu": 8,
    "int4": 4, "uint4": 4, "nf4": 4, "float4_e2m1fn": 4, "float6_e2m3fn": 6, "float6_e3m2fn": 6,
    "uint6": 6, "uint3": 3, "int2": 2, "uint2": 2, "uint1": 1,
}  # fmt: skip
_NUMPY = {
    "float64": "<f8", "float32": "<f4", "float16": "<f2", "complex64": "<c8", "complex128": "<c16", "int64": "<i8",
    "int32": "<i4", "int16": "<i2", "int8": "i1", "uint64": "<u8", "uint32": "<u4", "uint16": "<u2", "uint8": "u1",
}  # fmt: skip
# dtype -> bits of the exponent, bits of the mantissa, bias of the exponent, whether only the negative zero is NaN.
_SMALL_FLOATS = {
    "float8_e4m3fn": (4, 3, 7, False),
    "float8_e4m3fnuz": (4, 3, 8, True),
    "float8_e5m2fnuz": (5, 2, 16, True),
}
_MAX_DIMENSIONS = 16
# The largest tensors of the family have 100 MB (text embeddings); a file with holes could claim any size.
_MAX_READ_BYTES = 256 * 1024**2


def size_of(dtype: str, shape: tuple[int, ...]) -> int:
    """Bytes that values of this type and shape take; values of fewer than 8 bits are packed."""
    return (BITS[dtype] * math.prod(shape) + 7) // 8


def is_sensible(shape: tuple[int, ...]) -> bool:
    """Whether a shape is one that a tensor can have at all."""
    return len(shape) <= _MAX_DIMENSIONS and all(0 <= size < 2**63 for size in shape)


@dataclass(frozen=True)
class Source:
    """A regular file whose state was noted, so that a later read finds the same file.

    Attributes:
        path: the file.
        size_bytes: its size.
        stamp: device, inode, time of change in ns.
    """

    path: Path
    size_bytes: int
    stamp: tuple[int, int, int]

    @classmethod
    def of(cls, path: Path) -> Source:
        """Note the state of a file.

        Raises:
            WeightsNotFoundError: there is no such file.
            WeightsError: it is not a regular file, or can't be looked at.
        """
        try:
            status = path.stat()
        except FileNotFoundError:
            raise WeightsNotFoundError("the weights file is not there", context=[str(path)]) from None
        except OSError as error:
            raise _unreadable(path, error) from error
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise WeightsError("the weights are not a file", context=[f"{path} is {what}"])
        return cls(path, status.st_size, (status.st_dev, status.st_ino, status.st_mtime_ns))

    def open(self) -> BinaryIO:
        """Open it for reading.

        Raises:
            WeightsError: it can't be read, or has changed.
        """
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise _unreadable(self.path, error) from error
        status = os.fstat(file.fileno())
        now = (status.st_dev, status.st_ino, status.st_mtime_ns)
        if (status.st_size, now) != (self.size_bytes, self.stamp):
            file.close()
            raise self.error("the weights file has changed while it was read")
        return file

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Some of its bytes.

        Raises:
            WeightsError: it can't be read, has changed, or ends before.
        """
        with self.open() as file:
            return self.read_from(file, offset, size_bytes)

    def read_from(self, file: BinaryIO, offset: int, size_bytes: int) -> bytes:
        """As `read`, from the open file; nothing is allocated for what lies outside it, or is absurdly large."""
        if not 0 <= offset <= offset + size_bytes <= self.size_bytes:
            raise self.error("the file is cut short or damaged", f"bytes {offset} to {offset + size_bytes}")
        if size_bytes > _MAX_READ_BYTES:
            raise self.error("a tensor of the file is absurdly large", f"{size_bytes} bytes at byte {offset}")
        try:
            file.seek(offset)
            block = file.read(size_bytes)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if len(block) != size_bytes:
            raise self.error("the weights file has changed while it was read")
        return block

    def error(self, message: str, *context: str) -> WeightsError:
        """An error about this file."""
        return WeightsError(message, context=[str(self.path), *context])


@dataclass(frozen=True)
class Place:
    """Where the values of one tensor lie."""

    source: Source
    offset: int
    size_bytes: int

    def values(self, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        """The values, as `Contents.read` gives them.

        Raises:
            WeightsError: they can't be read, or the file has changed.
        """
        if dtype not in BITS or size_of(dtype, shape) != self.size_bytes:
            raise self.source.error("a tensor's size contradicts its type and shape")
        return decoded(self.source, self.source.read(self.offset, self.size_bytes), dtype, shape)


def decoded(source: Source, raw: bytes, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """The values in these bytes; small and brain floats come as float32, 4-bit integers in 8 bits.

    Raises:
        WeightsError: the type's values can't be read.
    """
    flat = _flat(raw, dtype, math.prod(shape))
    if flat is None:
        raise source.error(f"values of the type {dtype} can't be read")
    values: np.ndarray = flat.reshape(shape)
    return values


def _flat(raw: bytes, dtype: str, count: int) -> Any:
    import numpy as np

    if dtype in _NUMPY:
        return np.frombuffer(raw, _NUMPY[dtype])
    if dtype == "bfloat16":
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
    codes = np.frombuffer(raw, np.uint8)
    if dtype == "bool":
        return codes != 0
    if dtype == "float8_e5m2":
        return (codes.astype("<u2") << 8).view("<f2").astype(np.float32)
    if dtype == "float8_e8m0fnu":
        return np.append(np.ldexp(1.0, np.arange(-127, 128)), np.nan).astype(np.float32)[codes]
    if dtype in _SMALL_FLOATS:
        return _float8_table(*_SMALL_FLOATS[dtype])[codes]
    if BITS[dtype] == 4:
        return _half_bytes(np.stack([codes & 15, codes >> 4], axis=-1).reshape(-1)[:count], dtype)
    return None


def _half_bytes(halves: Any, dtype: str) -> Any:
    """Values of two a byte, the low half first, from their codes."""
    import numpy as np

    if dtype == "uint4":
        return halves
    if dtype == "int4":
        return (halves.astype(np.int8) ^ 8) - np.int8(8)
    if dtype == "float4_e2m1fn":
        positive = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
        return np.array([*positive, *(-value for value in positive)], np.float32)[halves]
    # NF4: quantiles of a normal distribution (Dettmers et al. 2023, QLoRA, appendix E).
    quantiles = [
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
        -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
        0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
    ]  # fmt: skip
    return np.array(quantiles, np.float32)[halves]


def _float8_table(exponent_bits: int, mantissa_bits: int, bias: int, negative_zero_is_nan: bool) -> Any:
    """The value of each of the 256 codes (Micikevicius et al. 2022, FP8 formats; FNUZ: Noune et al. 2022)."""
    import numpy as np

    codes = np.arange(256)
    exponent = (codes >> mantissa_bits) & (2**exponent_bits - 1)
    fraction = (codes & (2**mantissa_bits - 1)) / 2**mantissa_bits
    size = np.where(
        exponent == 0, fraction * 2.0 ** (1 - bias), (1 + fraction) * 2.0 ** (exponent.astype(float) - bias)
    )
    values = np.where(codes >> 7, -size, size)
    nan = codes == 0x80 if negative_zero_is_nan else (codes & 0x7F) == 0x7F
    return np.where(nan, np.nan, values).astype(np.float32)


def _unreadable(path: Path, error: OSError) -> WeightsError:
    reason = error.strerror or type(error).__name__
    return WeightsError("the weights file can't be read", context=[str(path), reason])
