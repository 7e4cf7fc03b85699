"""What Ultralytics writes beside or into an export: as YAML, as JSON, or as text of Python literals."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from typing import Any

# The real ones have some kilobytes; names of 4,585 classes take a hundred.
MAX_METADATA_BYTES = 256 * 1024
_MAX_DEPTH = 8
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")|(?P<float>-?\d{1,40}(?:\.\d{0,40})?[eE][-+]?\d{1,4}"
    r"|-?\d{0,40}\.\d{1,40}|-?\d{1,40}\.)|(?P<int>-?\d{1,40})|(?P<word>[A-Za-z_]+)|(?P<mark>[{}\[\](),:]))"
)
_WORDS = {"None": None, "True": True, "False": False, "nan": float("nan"), "inf": float("inf")}
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_DESCRIPTION = re.compile(r"Ultralytics (YOLO\S+|RTDETR\S*|RT-DETR\S*) model", re.IGNORECASE)
_TEXTS = ("version", "date", "license", "task", "description", "head", "docs", "author")


class NotLiteralError(ValueError):
    """The text is not one plain Python literal."""


def parse_literal(text: str) -> Any:
    """The value of a text such as `{0: 'person', 1: "driver's seat"}`; nothing in it is evaluated.

    Numbers, texts, None, True, False, lists, tuples (as lists) and dicts, up to eight levels deep.

    Raises:
        NotLiteralError: it is anything else.
    """
    if len(text) > MAX_METADATA_BYTES:
        raise NotLiteralError("too long")
    parser = _LiteralParser(text)
    value = parser.value(0)
    if text[parser.position :].strip():
        raise NotLiteralError("more than one value")
    return value


def facts_of(metadata: Mapping[Any, Any]) -> dict[str, Any]:
    """Facts under the names of `CheckpointSummary`; values of a wrong type are left out.

    Args:
        metadata: as Ultralytics writes it; values may be texts of Python literals.
    """
    told = {key: _literal_or_text(value) for key, value in metadata.items() if type(key) is str}
    facts: dict[str, Any] = {
        key: str(metadata[key]).strip() for key in _TEXTS if type(metadata.get(key)) in (str, float, int)
    }
    if names := _names(told.get("names")):
        facts["names"] = names
    if (imgsz := _largest(told.get("imgsz"))) is not None:
        facts["imgsz"] = imgsz
    facts |= {key: told[key] for key in ("stride", "channels", "batch") if type(told.get(key)) is int}
    if type(told.get("end2end")) is bool:
        facts["end2end"] = told["end2end"]
    shape = told.get("kpt_shape")
    if type(shape) is list and len(shape) == 2 and all(type(size) is int for size in shape):
        facts["kpt_shape"] = shape
    if type(told.get("args")) is dict:
        facts["export_args"] = {str(key): _plain(value) for key, value in told["args"].items()}
    if match := _DESCRIPTION.match(facts.get("description", "")):
        facts["architecture"] = match[1].lower()
    return facts


class _LiteralParser:
    """Recursive descent over the tokens, since `ast.literal_eval` builds a tree of any depth first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.position = 0

    def value(self, depth: int) -> Any:
        kind, token = self._next()
        if kind == "text":
            return _unquoted(token)
        if kind == "int":
            return int(token)
        if kind == "float":
            return float(token)
        if kind == "word" and token in _WORDS:
            return _WORDS[token]
        if token not in _CLOSING or depth >= _MAX_DEPTH:
            raise NotLiteralError(f"unexpected {token[:20]!r}")
        return self._mapping(depth + 1) if token == "{" else self._sequence(_CLOSING[token], depth + 1)  # noqa: S105

    def _mapping(self, depth: int) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        while not self._skip("}"):
            key = self.value(depth)
            if type(key) not in (str, int) or not self._skip(":"):
                raise NotLiteralError("a key must be a text or a whole number before a colon")
            result[key] = self.value(depth)
            if not self._skip(",") and not self._is_next("}"):
                raise NotLiteralError("a comma is missing")
        return result

    def _sequence(self, closing: str, depth: int) -> list[Any]:
        result = []
        while not self._skip(closing):
            result.append(self.value(depth))
            if not self._skip(",") and not self._is_next(closing):
                raise NotLiteralError("a comma is missing")
        return result

    def _next(self) -> tuple[str, str]:
        match = _TOKEN.match(self._text, self.position)
        if match is None or match.lastgroup is None:
            raise NotLiteralError(f"unexpected {self._text[self.position : self.position + 20]!r}")
        self.position = match.end()
        return match.lastgroup, match[match.lastgroup]

    def _is_next(self, mark: str) -> bool:
        match = _TOKEN.match(self._text, self.position)
        return match is not None and match["mark"] == mark

    def _skip(self, mark: str) -> bool:
        if found := self._is_next(mark):
            self._next()
        return found


def _unquoted(token: str) -> str:
    if "\\" not in token:
        return token[1:-1]
    try:
        return str(ast.literal_eval(token))  # one string token: no nesting
    except (ValueError, SyntaxError):
        raise NotLiteralError("a text has a broken escape") from None


def _literal_or_text(value: Any) -> Any:
    if type(value) is not str:
        return value
    try:
        return parse_literal(value)
    except NotLiteralError:
        return value


def _names(value: Any) -> dict[int, str]:
    pairs = enumerate(value) if type(value) is list else value.items() if type(value) is dict else ()
    # JSON makes texts of the class ids.
    numbered = ((int(key) if type(key) is str and key.isdecimal() else key, name) for key, name in pairs)
    return {
        key: str(name)
        for key, name in numbered
        if type(key) is int and type(name) in (str, int, float, bool, type(None))
    }


def _largest(value: Any) -> int | None:
    sizes = value if type(value) is list else [value]
    return max((size for size in sizes if type(size) is int), default=None)


def _plain(value: Any) -> Any:
    """The value if JSON has such values, else its text."""
    is_plain = type(value) in (str, int, bool, type(None)) or (type(value) is float and math.isfinite(value))
    return value if is_plain else str(value)
