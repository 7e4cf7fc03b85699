"""Read flatbuffers with every offset checked before it is followed, and a bound on how much is looked at.

The usual readers trust offsets: a hostile file could make them read anything or run without end.
Source of the rules: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from yolow.checkpoint.raw_values import Source

# The largest networks of the family need 50,000 looks.
_MAX_LOOKS = 500_000
_BYTES_A_LOOK = 8
_MAX_TEXT_BYTES = 65_536


class Flatbuffer:
    """The bytes of one file.

    Args:
        source: the file.
        file: the same, open.
    """

    def __init__(self, source: Source, file: BinaryIO) -> None:
        self.source = source
        self._file = file
        self._looks_left = _MAX_LOOKS

    def root(self, identifier: bytes) -> Table:
        """The outermost table.

        Raises:
            WeightsError: the file has another identifier, or is damaged.
        """
        if self.source.size_bytes < 8 or self.bytes(4, 4) != identifier:
            raise self.source.error(f"the file is not a {identifier.decode()} flatbuffer")
        return Table(self, self.number(0, "I"))

    def bytes(self, position: int, size: int) -> bytes:
        """Some bytes of the file; counts against the bound, more where there are more."""
        self._looks_left -= 1 + size // _BYTES_A_LOOK
        if self._looks_left < 0:
            raise self.source.error(
                "the file is beyond any sensible size: its tables refer to each other too often"
            )
        return self.source.read_from(self._file, position, size)

    def number(self, position: int, form: str) -> int:
        """A whole number in the form that `struct` names."""
        value: int = struct.unpack(f"<{form}", self.bytes(position, struct.calcsize(f"<{form}")))[0]
        return value


class Table:
    """One table: fields by number, any of which may be missing.

    Raises:
        WeightsError: it lies outside the file.
    """

    def __init__(self, buffer: Flatbuffer, position: int) -> None:
        self._buffer = buffer
        self._position = position
        directory = position - buffer.number(position, "i")
        size, self._table_bytes = struct.unpack("<HH", buffer.bytes(directory, 4))
        if size < 4 or size % 2 or self._table_bytes < 4:
            raise buffer.source.error("the file is cut short or damaged", f"table at byte {position}")
        self._fields = struct.unpack(f"<{(size - 4) // 2}H", buffer.bytes(directory + 4, size - 4))

    def number(self, field: int, form: str, default: int = 0) -> int:
        """A whole number in the form that `struct` names."""
        place = self._place(field, struct.calcsize(f"<{form}"))
        return default if place is None else self._buffer.number(place, form)

    def table(self, field: int) -> Table | None:
        """A table that the field refers to."""
        place = self._target(field)
        return None if place is None else Table(self._buffer, place)

    def tables(self, field: int) -> list[Table]:
        """A vector of tables."""
        start, count = self._vector(field, 4)
        places = range(start, start + 4 * count, 4)
        return [Table(self._buffer, place + self._buffer.number(place, "I")) for place in places]

    def numbers(self, field: int, form: str) -> tuple[int, ...]:
        """A vector of whole numbers."""
        size = struct.calcsize(f"<{form}")
        start, count = self._vector(field, size)
        return struct.unpack(f"<{count}{form}", self._buffer.bytes(start, count * size))

    def length(self, field: int, size: int) -> int:
        """How many items of this size a vector has."""
        return self._vector(field, size)[1]

    def range(self, field: int) -> tuple[int, int]:
        """Where a vector of bytes starts, and how many there are."""
        return self._vector(field, 1)

    def text(self, field: int) -> str:
        """A text; empty where it is missing.

        Raises:
            WeightsError: it is absurdly long, or not UTF-8.
        """
        start, size = self._vector(field, 1)
        if size > _MAX_TEXT_BYTES:
            raise self._buffer.source.error("a text in the file is absurdly long", f"{size} bytes")
        try:
            return self._buffer.bytes(start, size).decode("utf-8")
        except UnicodeDecodeError:
            raise self._buffer.source.error(
                "the file is cut short or damaged", f"text at byte {start}"
            ) from None

    def _place(self, field: int, size: int) -> int | None:
        offset = self._fields[field] if field < len(self._fields) else 0
        if offset == 0:
            return None
        if not 4 <= offset <= self._table_bytes - size:
            raise self._buffer.source.error(
                "the file is cut short or damaged", f"table at byte {self._position}"
            )
        return self._position + offset

    def _target(self, field: int) -> int | None:
        place = self._place(field, 4)
        return None if place is None else place + self._buffer.number(place, "I")

    def _vector(self, field: int, size: int) -> tuple[int, int]:
        place = self._target(field)
        if place is None:
            return 0, 0
        count = self._buffer.number(place, "I")
        if place + 4 + count * size > self._buffer.source.size_bytes:
            raise self._buffer.source.error("the file is cut short or damaged", f"vector at byte {place}")
        return place + 4, count
