"""Which storages a part of a checkpoint reaches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from yolow.checkpoint.stand_ins import Made, OddKey


def storages_within(value: Any) -> set[str]:
    """The keys of all storages that a recorded value holds, however deep. Each part is looked at once."""
    keys: set[str] = set()
    waiting, seen = [value], set()
    while waiting:
        one = waiting.pop()
        if type(one) not in (Made, dict, list, tuple) or id(one) in seen:
            continue
        seen.add(id(one))
        if type(one) is Made and one.how == "PERSID":
            keys.add(one.arguments[0][2])
        else:
            waiting.extend(_parts(one))
    return keys


def _parts(value: Any) -> Iterable[Any]:
    if type(value) is dict:
        return (*(key.value for key in value if type(key) is OddKey), *value.values())
    if type(value) is Made:
        return (*value.arguments, value.state, value.entries)
    return tuple(value)
