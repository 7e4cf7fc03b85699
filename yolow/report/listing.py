"""Nested values as indented `key: value` lines, for plans and records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yolow.report.formats import visible

MOST_ITEMS = 8
_INDENT = "  "


def listing_lines(values: Mapping[Any, Any], *, level: int = 0) -> Iterator[str]:
    """One line a value; long lists are counted instead of shown.

    Args:
        values: JSON-ready values under their keys.
        level: how deep to indent.
    """
    indent = _INDENT * level
    for key, value in values.items():
        label = f"{indent}{visible(str(key))}:"
        if isinstance(value, Mapping) and value and all(str(index).isdecimal() for index in value):
            # class names under their ids
            yield f"{label} {_inline(list(value.values()))}"
        elif isinstance(value, Mapping) and value:
            yield label
            yield from listing_lines(value, level=level + 1)
        elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            yield from _mappings(label, value, level)
        else:
            yield f"{label} {_inline(value)}"


def _mappings(label: str, items: list[Any] | tuple[Any, ...], level: int) -> Iterator[str]:
    if len(items) > MOST_ITEMS:
        yield f"{label} {len(items):,} entries, `--json` has all"
        return
    yield label
    for item in items:
        yield f"{_INDENT * (level + 1)}- {_inline(item)}"


def _inline(value: Any) -> str:
    """A value on one line."""
    if value is None or value in ([], (), {}):
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{visible(str(key))} {_inline(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        shown = ", ".join(_inline(item) for item in value[:MOST_ITEMS])
        more = len(value) - MOST_ITEMS
        return f"{shown}, ... and {more:,} more" if more > 0 else shown
    if isinstance(value, float):
        return f"{value:.6g}"
    return visible(str(value))
