"""What the records of two versions, or the facts of two files, say differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yolow.metrics import ClassMetrics, Metrics
from yolow.store.record import VersionRecord

_SECTIONS = ("operation", "task", "format", "config", "training", "data", "profile", "environment")
# Said elsewhere, or too long for a table of differences.
_NOT_COMPARED_FACTS = frozenset({"names", "precision", "other_tensors", "train_results"})
_METRICS = ("precision", "recall", "map50", "map50_95", "box_map50_95", "top1", "top5")
_ABSENT = object()


def record_differences(a: VersionRecord, b: VersionRecord) -> list[dict[str, Any]]:
    """See `differences`; what names a version (its number, its dates, its files) and what it scored is left out."""
    one, other = a.to_json_value(), b.to_json_value()
    return [
        entry
        for section in _SECTIONS
        for entry in differences({section: one[section]}, {section: other[section]})
    ]


def fact_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """See `differences`, for the facts that files tell of themselves; one without a value is none."""
    return differences(_told(a), _told(b))


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Two nested mappings key by key: `key` (dotted), `state`, `a` and `b`, sorted by key.

    `state` is `equal`, `changed`, or `only_a` or `only_b` where the other side has no such key; then its value is None.
    """
    one, other = dict(_flat("", a)), dict(_flat("", b))
    entries = []
    for key in sorted({*one, *other}):
        left, right = one.get(key, _ABSENT), other.get(key, _ABSENT)
        if left is _ABSENT:
            state = "only_b"
        elif right is _ABSENT:
            state = "only_a"
        else:
            same_kind = isinstance(left, bool) == isinstance(right, bool)  # Python takes True for 1
            state = "equal" if left == right and same_kind else "changed"
        entries.append(
            {
                "key": key,
                "state": state,
                "a": None if left is _ABSENT else left,
                "b": None if right is _ABSENT else right,
            }
        )
    return entries


def class_differences(a: Mapping[int, str], b: Mapping[int, str]) -> dict[str, Any]:
    """Classes that were added, removed, moved to another id or renamed.

    Renamed is only said where both have as many classes: a new list in the place of another is no renaming.
    """
    renamed = [
        {"id": index, "a": name, "b": b[index]}
        for index, name in sorted(a.items())
        if len(a) == len(b) and index in b and name not in b.values() and b[index] not in a.values()
    ]
    said = {entry["a"] for entry in renamed} | {entry["b"] for entry in renamed}
    ids = {name: index for index, name in b.items()}
    return {
        "same": dict(a) == dict(b),
        "added": [name for _, name in sorted(b.items()) if name not in {*a.values(), *said}],
        "removed": [name for _, name in sorted(a.items()) if name not in {*b.values(), *said}],
        "moved": [
            {"name": name, "a": index, "b": ids[name]}
            for index, name in sorted(a.items())
            if name in ids and b.get(index) != name
        ],
        "renamed": renamed,
    }


def metric_points(a: Metrics | None, b: Metrics | None) -> dict[str, float]:
    """Metrics that both have -> the difference in points of a hundred."""
    if a is None or b is None:
        return {}
    pairs = {name: (getattr(a, name), getattr(b, name)) for name in _METRICS}
    return {
        name: (after - before) * 100
        for name, (before, after) in pairs.items()
        if before is not None and after is not None
    }


def class_points(a: Metrics | None, b: Metrics | None) -> list[dict[str, Any]]:
    """Classes that both measured, by name, the greatest loss first: `map50_95` of each and the points between."""
    before: dict[str, ClassMetrics] = {} if a is None else {entry.name: entry for entry in a.per_class}
    entries = [
        {
            "name": entry.name,
            "a": before[entry.name].map50_95,
            "b": entry.map50_95,
            "points": (entry.map50_95 - before[entry.name].map50_95) * 100,
        }
        for entry in (() if b is None else b.per_class)
        if entry.name in before
    ]
    return sorted(entries, key=lambda entry: (entry["points"], entry["name"]))


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that have a value and a place in a table."""
    return {
        key: _told(value) if isinstance(value, Mapping) else value
        for key, value in facts.items()
        if value is not None and key not in _NOT_COMPARED_FACTS
    }


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not value:
        yield prefix, value
        return
    for key, item in value.items():
        yield from _flat(f"{prefix}.{key}" if prefix else str(key), item)
