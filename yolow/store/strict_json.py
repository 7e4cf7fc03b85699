"""JSON text into frozen dataclasses, strictly: nothing missing, nothing unknown, nothing converted.

The few types that records are made of, by the classes' own annotations. Every command that touches the store reads a
record, and the import of a validation library alone would take it a tenth of a second.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

# A record with ten thousand classes has 3 MB.
MOST_BYTES = 64 << 20

# No size and no count, and at some point not even a float.
_TOO_LARGE = 2**63
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def read_small_file(path: str | Path) -> bytes:
    """The content of a regular file; neither a pipe nor an endless device in its place keeps the reader waiting.

    Raises:
        OSError: it can't be read, is no regular file, or has more than 64 MiB.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a regular file", str(path))
        if status.st_size > MOST_BYTES:
            raise OSError(0, f"{status.st_size:,} bytes are too many", str(path))
        # One byte more than it had: a file that grows meanwhile is then not taken for a whole one.
        content = os.read(descriptor, status.st_size + 1)
    finally:
        os.close(descriptor)
    return content


def parse_json(text: str | bytes) -> Any:
    """The values of a JSON text in UTF-8; a byte-order mark, NaN and infinity are no JSON.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return _DECODER.decode(text if isinstance(text, str) else text.decode())
    except RecursionError as error:
        raise ValueError(str(error)) from None


def read_typed(kind: type[T], value: Any, faults: list[str]) -> T | None:
    """An object of a dataclass from JSON values.

    Args:
        kind: a frozen dataclass of `str`, `int`, `float`, `bool`, `None`, `Any`, lists as tuples, dicts whose keys
            are `str` or `int` (as JSON writes them), and other dataclasses.
        value: what the JSON text said.
        faults: gets a line `place: what is wrong` for each fault.

    Returns:
        The object, or None where there are faults.
    """
    before = len(faults)
    found = _object(kind, value, "", faults)
    if len(faults) == before and not _is_text(value):
        faults.append("a text is not Unicode")
    return None if len(faults) > before else found


def _is_text(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _types(kind: type[Any]) -> dict[str, tuple[Any, bool]]:
    """Field name -> its type, and whether it may be left out."""
    hints = get_type_hints(kind)
    return {
        item.name: (hints[item.name], item.default is not MISSING or item.default_factory is not MISSING)
        for item in fields(kind)
    }


def _object(kind: Any, value: Any, where: str, faults: list[str]) -> Any:
    if not isinstance(value, dict):
        return _fault(where, "an object", value, faults)
    types, found, before = _types(kind), {}, len(faults)
    faults += [f"{_inside(where, key)}: unknown" for key in value.keys() - types.keys()]
    for name, (wanted, optional) in types.items():
        if name in value:
            found[name] = _value(wanted, value[name], _inside(where, name), faults)
        elif not optional:
            faults.append(f"{_inside(where, name)}: missing")
    return kind(**found) if len(faults) == before else None


def _value(wanted: Any, value: Any, where: str, faults: list[str]) -> Any:
    if wanted is Any:
        return value
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):  # with None only
        [inner] = [one for one in arguments if one is not type(None)]
        return None if value is None else _value(inner, value, where, faults)
    if origin is dict:
        return _mapping(arguments, value, where, faults)
    if origin is tuple:
        if not isinstance(value, list):
            return _fault(where, "a list", value, faults)
        return tuple(
            _value(arguments[0], item, f"{where}[{index}]", faults) for index, item in enumerate(value)
        )
    if is_dataclass(wanted):
        return _object(wanted, value, where, faults)
    return _scalar(wanted, value, where, faults)


def _mapping(arguments: tuple[Any, ...], value: Any, where: str, faults: list[str]) -> Any:
    if not isinstance(value, dict):
        return _fault(where, "an object", value, faults)
    found = {}
    for text, item in value.items():
        key: str | int = text
        if arguments[0] is int:
            if _WHOLE.fullmatch(text) is None:
                faults.append(f"{_inside(where, text)}: the key is not a whole number")
                continue
            key = int(text)
        found[key] = _value(arguments[1], item, _inside(where, text), faults)
    return found


def _scalar(wanted: Any, value: Any, where: str, faults: list[str]) -> Any:
    if wanted is float and type(value) in (int, float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        return number if math.isfinite(number) else _fault(where, "a finite number", value, faults)
    if type(value) is not wanted:
        return _fault(where, _WORDS[wanted], value, faults)
    if wanted is int and abs(value) >= _TOO_LARGE:
        faults.append(f"{where}: the number is too large")
    return value


_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_FOUND = {**_WORDS, type(None): "null", dict: "an object", list: "a list"}


def _fault(where: str, wanted: str, value: Any, faults: list[str]) -> None:
    faults.append(f"{where or 'the text'}: expected {wanted}, found {_FOUND[type(value)]}")


def _inside(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
