"""Read one label file in YOLO format: a line an object, `class x y w h`, polygon, or keypoints.

Numbers are shares of the image's width and height. What is a fault here is what upstream refuses
(`verify_image_label` of ultralytics 8.4), which then trains without the image.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Upstream's tolerance for coordinates outside [0, 1].
_LOW, _HIGH = -0.01, 1.01
_MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_CLASS = 1_000_000
_KEPT_FAULTS = 5
_BOX_NAMES = ("x centre", "y centre", "width", "height")


@dataclass(frozen=True, kw_only=True)
class LabelFacts:
    """What one label file says.

    Attributes:
        sha256: digest of the file's bytes; empty where it can't be read.
        instances: objects, repeated lines counted once.
        classes: (class id, its objects, the first line that has it).
        kinds: (`boxes`, `polygons`, `obb` for polygons of four points, or `keypoints`; first such line).
        duplicates: lines that repeat another.
        over_edge: objects that reach over the image's edge by more than 1 %.
        without_area: objects of no width or no height.
        faults: the first few, as (line, or 0 for the whole file; what is wrong).
        fault_count: all of them.
    """

    sha256: str
    instances: int = 0
    classes: tuple[tuple[int, int, int], ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()
    duplicates: int = 0
    over_edge: int = 0
    without_area: int = 0
    faults: tuple[tuple[int, str], ...] = ()
    fault_count: int = 0


class _LineError(Exception):
    """A line that doesn't parse."""


def read_label(path: Path, kpt_shape: tuple[int, int] | None) -> LabelFacts:
    """Read a label file; see `parse_label`."""
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            return _faulty("", f"larger than {_MAX_FILE_BYTES:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        return _faulty("", f"can't be read: {error.strerror or error}")
    return parse_label(content, kpt_shape)


def parse_label(content: bytes, kpt_shape: tuple[int, int] | None) -> LabelFacts:
    """Parse the bytes of a label file.

    Args:
        content: UTF-8 text, with or without a byte-order mark.
        kpt_shape: (keypoints, values each) of the data set; lines with as many columns are keypoints.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _faulty(sha256, f"not UTF-8 text (byte {error.start})")
    rows: dict[tuple[float, ...], tuple[int, str]] = {}
    faults: list[tuple[int, str]] = []
    duplicates = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not (columns := line.split()):
            continue
        try:
            kind, values = _row(columns, kpt_shape)
        except _LineError as fault:
            faults.append((number, str(fault)))
            continue
        duplicates += values in rows
        rows.setdefault(values, (number, kind))
    return _facts(sha256, rows, faults, duplicates)


def _faulty(sha256: str, what: str) -> LabelFacts:
    return LabelFacts(sha256=sha256, faults=((0, what),), fault_count=1)


def _facts(
    sha256: str,
    rows: dict[tuple[float, ...], tuple[int, str]],
    faults: list[tuple[int, str]],
    duplicates: int,
) -> LabelFacts:
    classes: dict[int, tuple[int, int]] = {}
    kinds: dict[str, int] = {}
    over_edge = without_area = 0
    for values, (number, kind) in rows.items():
        count, first = classes.get(int(values[0]), (0, number))
        classes[int(values[0])] = (count + 1, first)
        kinds.setdefault(kind, number)
        left, top, right, bottom = _corners(kind, values)
        over_edge += min(left, top) < _LOW or max(right, bottom) > _HIGH
        without_area += right <= left or bottom <= top
    polygon = min((kinds[kind] for kind in ("polygons", "obb") if kind in kinds), default=0)
    other = min((kinds[kind] for kind in ("boxes", "keypoints") if kind in kinds), default=0)
    if polygon and other:
        faults = [
            *faults,
            (max(polygon, other), f"boxes and polygons in one file (see line {min(polygon, other)})"),
        ]
    return LabelFacts(
        sha256=sha256,
        instances=len(rows),
        classes=tuple((class_id, *found) for class_id, found in sorted(classes.items())),
        kinds=tuple(sorted(kinds.items())),
        duplicates=duplicates,
        over_edge=over_edge,
        without_area=without_area,
        faults=tuple(faults[:_KEPT_FAULTS]),
        fault_count=len(faults),
    )


def _row(columns: Sequence[str], kpt_shape: tuple[int, int] | None) -> tuple[str, tuple[float, ...]]:
    """The kind and the numbers of one line.

    Raises:
        _LineError: it is none of the known kinds, or a number is wrong.
    """
    kind = _kind(len(columns), kpt_shape)
    values = tuple(map(_number, columns))
    if values[0] < 0 or values[0] > _MAX_CLASS or values[0] != int(values[0]):
        raise _LineError(f"class '{columns[0]}' is not a whole number from 0")
    if kind in {"polygons", "obb"}:
        _check_polygon(values)
    else:
        _check_box(values)
    if kind == "keypoints" and kpt_shape is not None:
        _check_keypoints(values[5:], kpt_shape[1])
    return kind, values


def _kind(columns: int, kpt_shape: tuple[int, int] | None) -> str:
    if kpt_shape is not None and columns == 5 + kpt_shape[0] * kpt_shape[1]:
        return "keypoints"
    if columns == 5:
        return "boxes"
    if columns < 7 or columns % 2 == 0:
        raise _LineError(f"{columns} columns; expected `class x y w h`, or a class and at least three points")
    return "obb" if columns == 9 else "polygons"


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise _LineError(f"'{text[:40]}' is not a number") from None
    if not math.isfinite(value):
        raise _LineError(f"'{text}' is not a finite number")
    return value


def _check_box(values: Sequence[float]) -> None:
    for name, value in zip(_BOX_NAMES, values[1:5], strict=True):
        low = 0.0 if name in {"width", "height"} else _LOW
        if not low <= value <= _HIGH:
            raise _LineError(f"{name} {value:g} is outside [0, 1]")


def _check_polygon(values: Sequence[float]) -> None:
    """Upstream looks at the box around a polygon, so single points may lie outside."""
    left, top, right, bottom = _corners("polygons", values)
    box = (0.0, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
    try:
        _check_box(box)
    except _LineError:
        low, high = min(values[1:]), max(values[1:])
        raise _LineError(f"polygon with coordinates from {low:g} to {high:g} is outside [0, 1]") from None


def _check_keypoints(values: Sequence[float], dimensions: int) -> None:
    for index in range(0, len(values), dimensions):
        if not all(_LOW <= value <= _HIGH for value in values[index : index + 2]):
            x, y = values[index : index + 2]
            raise _LineError(f"keypoint {index // dimensions} at {x:g} {y:g} is outside [0, 1]")
        if dimensions == 3 and values[index + 2] < 0:
            raise _LineError(f"keypoint {index // dimensions} has a negative visibility")


def _corners(kind: str, values: Sequence[float]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom, in shares of the image."""
    if kind in {"polygons", "obb"}:
        return min(values[1::2]), min(values[2::2]), max(values[1::2]), max(values[2::2])
    _, x, y, width, height = values[:5]
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
