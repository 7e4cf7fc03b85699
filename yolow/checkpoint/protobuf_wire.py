"""Walk a protobuf message in a file without building it: memory stays small whatever the file claims.

Source of the rules: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from yolow.checkpoint.raw_values import Source
from yolow.errors import WeightsError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# The largest networks of the family have 80,000 fields, and a megabyte of names.
_MAX_FIELDS = 400_000
_MAX_TEXTS_BYTES = 16 * 1024**2
_WINDOW_BYTES = 16_384


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
        self._text_bytes_left = _MAX_TEXTS_BYTES
        self._window = b""
        self._window_start = 0

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
            WeightsError: the file's texts are absurdly long in all, or it is not UTF-8.
        """
        if not field.is_bytes:
            raise self._damaged(field.start)
        size = field.end - field.start
        self._text_bytes_left -= size
        if self._text_bytes_left < 0:
            raise self.source.error("texts in the file are absurdly long", f"{size} bytes at {field.start}")
        try:
            return self._bytes(field.start, size).decode("utf-8")
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
        block = self._bytes(position, min(10, end - position))
        value = 0
        for index, byte in enumerate(block):
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value & (2**64 - 1), position + index + 1
        raise self._damaged(position)

    def _bytes(self, position: int, size: int) -> bytes:
        """Bytes of the file; what stands close together is read at once."""
        if size > _WINDOW_BYTES:
            return self.source.read_from(self._file, position, size)
        start = position - self._window_start
        if not 0 <= start <= start + size <= len(self._window):
            length = max(size, min(_WINDOW_BYTES, self.source.size_bytes - position))
            self._window = self.source.read_from(self._file, position, length)
            self._window_start, start = position, 0
        return self._window[start : start + size]

    def _damaged(self, position: int) -> WeightsError:
        return self.source.error("the file is cut short or damaged", f"at byte {position}")
