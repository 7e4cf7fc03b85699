"""The fields of a data-set YAML besides its paths."""

from __future__ import annotations

from typing import Any

from yolow.data.faults import counted
from yolow.data.yaml_mistakes import YamlMistakes

_Yaml = dict[str | int, Any]
# A class list is read into memory and into a network's head; more is a mistake such as a year for `nc`.
_MAX_CLASSES = 100_000


def read_names(value: _Yaml, mistakes: YamlMistakes) -> dict[int, str]:
    """Class id -> name, from a list, from a mapping, or `class_0`, … where only `nc` is given."""
    given, nc = value.get("names"), _read_nc(value, mistakes)
    if given is None:
        if nc is None and "nc" not in value:
            mistakes.add(("names",) if "names" in value else (), "'names' is missing: the list of classes")
        return {index: f"class_{index}" for index in range(nc or 0)}
    if not isinstance(given, list | dict) or not given:
        mistakes.add(("names",), "names: expected a list of class names, or a mapping of ids to names")
        return {}
    names = _from_list(given, mistakes) if isinstance(given, list) else _from_mapping(given, mistakes)
    if nc is not None and nc != len(given):
        mistakes.add(("nc",), f"nc: {nc}, but 'names' has {counted(len(given), 'class')}")
    return names


def _read_nc(value: _Yaml, mistakes: YamlMistakes) -> int | None:
    given: Any = value.get("nc")
    if "nc" not in value or (given is None and value.get("names") is not None):
        return None
    try:
        number = float(given)  # upstream takes 10, 10.0 and '10'
        if number == int(number) and 0 < number <= _MAX_CLASSES and not isinstance(given, bool):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    mistakes.add(("nc",), f"nc: expected the number of classes, not {given!r}")
    return None


def _from_list(given: list[Any], mistakes: YamlMistakes) -> dict[int, str]:
    return {index: _name(item, ("names", index), mistakes) for index, item in enumerate(given)}


def _from_mapping(given: dict[Any, Any], mistakes: YamlMistakes) -> dict[int, str]:
    names: dict[int, str] = {}
    for key, item in given.items():
        try:
            class_id = int(key)
        except ValueError:
            mistakes.add(("names", key), f"names: '{key}' is not a class id (a whole number from 0)")
            continue
        if class_id in names:
            mistakes.add(("names", key), f"names: class id {class_id} appears twice")
        names[class_id] = _name(item, ("names", key), mistakes)
    wrong = sorted(class_id for class_id in names if not 0 <= class_id < len(given))
    if wrong:
        listed = ", ".join(map(str, wrong[:5])) + (", ..." if len(wrong) > 5 else "")
        what = f"names: {len(given)} classes need the ids 0 to {len(given) - 1}, but there is {listed}"
        mistakes.add(("names",), what)
    return dict(sorted(names.items()))


def _name(item: Any, path: tuple[str | int, ...], mistakes: YamlMistakes) -> str:
    if item is None or item == "" or isinstance(item, list | dict):
        mistakes.add(path, f"names: expected a class name, not {item!r}")
    return str(item)


def read_kpt_shape(value: _Yaml, mistakes: YamlMistakes) -> tuple[int, int] | None:
    """(keypoints, 2 or 3), or None where the key is absent."""
    given = value.get("kpt_shape")
    if given is None:
        return None
    if _are_integers(given) and len(given) == 2 and given[0] > 0 and given[1] in (2, 3):
        return given[0], given[1]
    mistakes.add(("kpt_shape",), f"kpt_shape: expected [number of keypoints, 2 or 3], not {given!r}")
    return None


def read_flip_idx(
    value: _Yaml, kpt_shape: tuple[int, int] | None, mistakes: YamlMistakes
) -> tuple[int, ...] | None:
    """The permutation of keypoints under mirroring, or None where the key is absent or empty."""
    given = value.get("flip_idx")
    if given is None or given == []:
        return None
    if _are_integers(given) and sorted(given) == list(range(len(given))):
        if kpt_shape is None or len(given) == kpt_shape[0]:
            return tuple(given)
        what = f"flip_idx: {len(given)} entries, but kpt_shape has {kpt_shape[0]} keypoints"
    else:
        what = "flip_idx: expected each keypoint's index once, from 0"
    mistakes.add(("flip_idx",), what)
    return None


def read_channels(value: _Yaml, mistakes: YamlMistakes) -> int:
    """Image channels, 3 where the key is absent."""
    given = value.get("channels")
    if given is None:
        return 3
    if _are_integers([given]) and 0 < given <= 1024:
        return int(given)
    mistakes.add(("channels",), f"channels: expected a number of image channels, not {given!r}")
    return 3


def _are_integers(given: Any) -> bool:
    return isinstance(given, list) and all(
        isinstance(item, int) and not isinstance(item, bool) for item in given
    )
