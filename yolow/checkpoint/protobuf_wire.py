"""Walk a protobuf message in a file without building it: memory stays small whatever the file claims.

Source of the rules: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from yolow.checkpoint.raw_values import Source

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# The largest networks of the family have 100,000 fields.
_MAX_FIELDS = 1_000_000
_MAX_TEXT_BYTES = 1024**2


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: which field.
        is_bytes: whether it is a range of bytes: a text, a message or packed numbers.
        value: the number; 0 for a range.
        start, end: the range, or where the number stands in the file.
    """

    number: int
    is_bytes: bool
    value: int
    start: int
    end: int


class Wire:
    """The messages of one file.

    Args:
        source: the file.
        file: the same, open.
    """

    def __init__(self, source: Source, file: BinaryIO) -> None:
        self.source = source
        self._file = file
        self._fields_left = _MAX_FIELDS

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields of the message in these bytes, in the file's order.

        Raises:
            WeightsError: the bytes are no message, or there are absurdly many.
        """
        position = start
        while position < end:
            self._fields_left -= 1
            if self._fields_left < 0:
                raise self.source.error("the file has absurdly many fields")
            key, position = self._varint(position, end)
            number, kind = key >> 3, key & 7
            if number == 0:
                raise self._damaged(position)
            if kind == _VARINT:
                value, after = self._varint(position, end)
                yield Field(number, False, value, position, after)
            elif kind == _BYTES:
                size, position = self._varint(position, end)
                after = position + size
                if after > end:
                    raise self._damaged(position)
                yield Field(number, True, 0, position, after)
            elif kind in (_FIXED64, _FIXED32):
                after = position + (8 if kind == _FIXED64 else 4)
                if after > end:
                    raise self._damaged(position)
                yield Field(number, False, 0, position, after)
            else:
                raise self._damaged(position)
            position = after

    def text(self, field: Field) -> str:
        """The text of one field.

        Raises:
            WeightsError: it is absurdly long, or not UTF-8.
        """
        if not field.is_bytes:
            raise self._damaged(field.start)
        if field.end - field.start > _MAX_TEXT_BYTES:
            raise self.source.error("a text in the file is absurdly long", f"{field.end - field.start} bytes")
        try:
            return self.source.read_from(self._file, field.start, field.end - field.start).decode("utf-8")
        except UnicodeDecodeError:
            raise self._damaged(field.start) from None

    def numbers(self, field: Field, most: int) -> list[int]:
        """The whole numbers of one field, packed or single, at most so many.

        Raises:
            WeightsError: there are more.
        """
        if not field.is_bytes:
            return [field.value]
        values, position = [], field.start
        while position < field.end:
            value, position = self._varint(position, field.end)
            values.append(value)
            if len(values) > most:
                raise self.source.error("a list in the file is absurdly long")
        return values

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        block = self.source.read_from(self._file, position, min(10, end - position))
        value = 0
        for index, byte in enumerate(block):
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value & (2**64 - 1), position + index + 1
        raise self._damaged(position)

    def _damaged(self, position: int) -> Exception:
        return self.source.error("the file is cut short or damaged", f"at byte {position}")
