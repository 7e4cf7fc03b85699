"""Rows: what lists and searches need to know of each version, read fast enough for thousands of them.

A row is read from the record alone and not checked against a digest; whatever loads weights checks the version itself.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolow.errors import StoreError
from yolow.store.record import MAIN_METRICS, RECORD_FILE, SCHEMA_VERSION
from yolow.store.reference import is_name
from yolow.store.strict_json import parse_json, read_small_file
from yolow.store.version import read_version

_NUMBERED = re.compile(r"v([1-9][0-9]*)")


@dataclass(frozen=True, kw_only=True)
class VersionRow:
    """The part of a version's record that a list shows.

    Attributes:
        reference, name, number: `solar:v3`, `solar` and 3.
        created: ISO 8601, UTC.
        operation, task, format, sha256, run: see `VersionRecord`.
        parent, parent_sha256: the parent's reference and digest.
        main_metric: the metric by which weights of this task are compared.
        main_value: its value in [0, 1].
        baseline_value: the same of the parent, measured in the same way.
        size_bytes: the weights file, or all files of an export folder.
        latency_ms: median milliseconds for one image through the network alone.
        data: fingerprint of the data set.
    """

    reference: str
    name: str
    number: int
    created: str
    operation: str
    task: str
    format: str
    sha256: str
    run: str | None
    parent: str | None
    parent_sha256: str | None
    main_metric: str | None
    main_value: float | None
    baseline_value: float | None
    size_bytes: int | None
    latency_ms: float | None
    data: str | None


def read_rows(
    root: Path, name: str | None = None, *, problems: list[str] | None = None, containing: str = ""
) -> list[VersionRow]:
    """The rows of a name, or of all, newest first.

    Args:
        root: the store.
        name: None for all names.
        problems: gets a line for each version that can't be read. Without it such a version raises.
        containing: only records with this text in them, such as a digest; the others are not even parsed.

    Raises:
        StoreError: the store can't be read, or a version can't and `problems` is None.
    """
    rows = []
    needle = containing.encode()
    for one in names_in(root) if name is None else [name]:
        for number in numbers_in(root, one):
            path = f"{root}{os.sep}{one}{os.sep}v{number}{os.sep}{RECORD_FILE}"
            try:
                content = _content(path)
                if needle in content:
                    rows.append(_row(content, root, one, number))
            except StoreError as error:
                if not (root / one / f"v{number}").exists():
                    continue  # removed at this very moment
                if problems is None:
                    raise
                problems.append(problem_line(f"{one}:v{number}", error))
    rows.sort(key=lambda row: (row.created, row.number), reverse=True)
    return rows


def problem_line(reference: str, error: StoreError) -> str:
    """Why a version can't be read, on one line."""
    note = f"; {error.note}" if error.note else ""
    return f"{reference}: {error.message}: {'; '.join(error.context)}{note}"


def names_in(root: Path) -> list[str]:
    """Names that have a version, sorted.

    Raises:
        StoreError: the store can't be read.
    """
    return [name for name in sorted(_folders(root, root)) if is_name(name) and numbers_in(root, name)]


def numbers_in(root: Path, name: str) -> list[int]:
    """Numbers of the versions of a name, ascending, by their folders alone.

    Raises:
        StoreError: the store can't be read.
    """
    if not is_name(name):
        return []
    return sorted(
        int(match.group(1)) for entry in _folders(root / name, root) if (match := _NUMBERED.fullmatch(entry))
    )


def _folders(folder: Path, root: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries if entry.is_dir())
    except FileNotFoundError:
        return
    except OSError as error:
        if isinstance(error, NotADirectoryError) and root.is_dir():
            return  # a file beside the names
        raise StoreError(
            "the store can't be read",
            context=[f"{folder}: {error.strerror}"],
            hint="choose another folder: --store FOLDER",
        ) from error


def _content(path: str) -> bytes:
    try:
        return read_small_file(path)
    except OSError as error:
        raise StoreError("the record can't be read", context=[f"{path}: {error.strerror}"]) from error


def _row(content: bytes, root: Path, name: str, number: int) -> VersionRow:
    try:
        record = parse_json(content)
        place = (record["schema_version"], record["name"], record["number"])
        if place == (SCHEMA_VERSION, name, number) and type(record["number"]) is int:
            return _row_of(record, name, number)
    except (ValueError, TypeError, KeyError, OverflowError):
        pass
    # Strictly now: nearly always this fails too, and says exactly why.
    return _row_of(read_version(root, name, number).record.to_json_value(), name, number)


def _row_of(record: dict[str, Any], name: str, number: int) -> VersionRow:
    parent, profile, data, metrics, baseline = (
        _object(record, key) for key in ("parent", "profile", "data", "metrics", "baseline")
    )
    main = metrics["main"] if metrics else None
    if main is not None and main not in MAIN_METRICS:
        raise ValueError(f"metrics.main: {main!r} is not a metric")
    return VersionRow(
        reference=f"{name}:v{number}",
        name=name,
        number=number,
        created=_text(record, "created"),
        operation=_text(record, "operation"),
        task=_text(record, "task"),
        format=_text(record, "format"),
        sha256=_text(record, "sha256"),
        run=_text_or_none(record, "run"),
        parent=_text_or_none(parent, "reference"),
        parent_sha256=_text_or_none(parent, "sha256"),
        main_metric=main,
        main_value=_number(metrics, main),
        baseline_value=_number(baseline, main),
        size_bytes=_number(profile, "size_bytes"),
        latency_ms=_number(profile, "latency_ms"),
        data=_text_or_none(data, "fingerprint"),
    )


def _object(values: dict[str, Any], key: str) -> dict[str, Any]:
    value = values[key]
    if value is not None and (type(value) is not dict or not value):
        raise ValueError(f"{key}: expected an object with values, found {value!r}")
    return value or {}


def _text(values: dict[str, Any], key: str) -> str:
    value = values[key]
    if type(value) is not str:
        raise ValueError(f"{key}: expected a text, found {value!r}")
    return value


def _text_or_none(values: dict[str, Any], key: str) -> str | None:
    return None if values.get(key) is None else _text(values, key)


def _number(values: dict[str, Any], key: str | None) -> Any:
    value = None if key is None else values.get(key)
    if value is not None and (type(value) not in (int, float) or not math.isfinite(value)):
        raise ValueError(f"{key}: expected a number, found {value!r}")
    return value
