"""Turn recorded values into plain ones."""

from __future__ import annotations

import struct
from pathlib import PurePosixPath
from typing import Any

from yolow.checkpoint.network import attributes, class_name, mapping
from yolow.checkpoint.stand_ins import Made

_MAX_DEPTH = 8
_MAX_VALUES = 100_000
# A text counts as one value for every so many characters.
_TEXT_CHARACTERS = 100
# numpy's type codes, as in `dtype("f8")`, with the `struct` codes of the same types.
_NUMPY_SCALARS = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "b1": "?"}
_MAX_NUMBER_BYTES = 8
# A value that has no plain form.
NOT_PLAIN = object()


class TooManyValuesError(Exception):
    """A structure unfolds to more values than any checkpoint's settings have."""


class Unfolder:
    """Unfolds recorded values; all that one of them unfolds counts towards one limit."""

    def __init__(self) -> None:
        self._left = _MAX_VALUES

    def settings(self, value: Any) -> dict[str, Any]:
        """The entries of a dict or a namespace that have text as keys and plain values.

        Raises:
            TooManyValuesError: shared parts unfold without end.
        """
        entries = mapping(value) or attributes(value)
        plain = {self._text(key): self.plain(entry) for key, entry in entries.items() if type(key) is str}
        return {key: entry for key, entry in plain.items() if entry is not NOT_PLAIN}

    def plain(self, value: Any, depth: int = 0) -> Any:
        """None, a bool, number or text, or lists and dicts of these; `NOT_PLAIN` for anything else."""
        self._left -= 1
        if self._left < 0:
            raise TooManyValuesError
        if value is None or type(value) in (bool, int, float):
            return value
        if type(value) is str:
            return self._text(value)
        if depth >= _MAX_DEPTH:
            return NOT_PLAIN
        if type(value) in (list, tuple):
            items = [self.plain(item, depth + 1) for item in value]
            return [item for item in items if item is not NOT_PLAIN]
        if type(value) is Made and class_name(value) in ("PosixPath", "WindowsPath"):
            return str(PurePosixPath(*(self._text(part) for part in value.arguments if type(part) is str)))
        if type(value) is Made and class_name(value) == "scalar":
            return _numpy_scalar(value)
        if type(value) is dict:
            items_by_key = {key: self.plain(item, depth + 1) for key, item in value.items()}
            return {
                self._text(key) if type(key) is str else key: item
                for key, item in items_by_key.items()
                if type(key) in (str, int, bool) and item is not NOT_PLAIN
            }
        return NOT_PLAIN

    def _text(self, value: str) -> str:
        """Text that every encoder takes: half a surrogate pair becomes a question mark."""
        self._left -= len(value) // _TEXT_CHARACTERS
        if self._left < 0:
            raise TooManyValuesError
        return value.encode("utf-8", "replace").decode("utf-8")


def _numpy_scalar(value: Made) -> Any:
    """A number that was saved as numpy's: its dtype, and its bytes as such or as Latin-1 text."""
    if len(value.arguments) != 2 or type(value.arguments[0]) is not Made:
        return NOT_PLAIN
    dtype, content = value.arguments
    if type(content) is Made and content.arguments:
        content = content.arguments[0]
    if type(content) is str and len(content) <= _MAX_NUMBER_BYTES:
        content = content.encode("latin-1", "replace")
    kind = dtype.arguments[0] if dtype.arguments else None
    code = _NUMPY_SCALARS.get(kind) if type(kind) is str else None
    if code is None or type(content) is not bytes or len(content) != struct.calcsize(code):
        return NOT_PLAIN
    return struct.unpack(f"<{code}", content)[0]
