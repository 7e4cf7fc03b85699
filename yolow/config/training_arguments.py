"""Ultralytics' own list of training arguments, read without importing it.

The installed package carries its defaults in `cfg/default.yaml` and the type of each argument as literal sets
in `cfg/__init__.py`. Both are read as text, so that a wrong argument is found in milliseconds.
"""

from __future__ import annotations

import ast
import importlib.util
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from yolow.config.strict_yaml import load_yaml_file
from yolow.errors import InternalError

# Set by yolow itself, through keys of its own or because they would break what it promises.
RESERVED = {
    "task": "it follows from the weights",
    "mode": "the command decides",
    "model": "use `weights` (finetune) or `model` (train)",
    "resume": "use `--resume RUN`",
    "project": "runs live under `runs/`",
    "save_dir": "runs live under `runs/`",
    "exist_ok": "runs live under `runs/`",
    "save": "every epoch is saved, so that a run can be resumed",
    "pretrained": "use `yolow finetune --weights REF` to start from weights",
    "verbose": "use `--quiet`",
    "cfg": "use `--config`",
    "quantize": "quantization is a step of its own",
    "val": "the validation metric drives early stopping and the choice of the best epoch",
    "compile": "not supported yet",
    "single_cls": "give the data set one class instead",
    "time": "use `epochs`",
    "split": "training validates on the `val` split",
}
_OTHER_MODES = (
    "Predict settings",
    "Visualize settings",
    "Export settings",
    "Custom config.yaml",
    "Tracker settings",
)


@dataclass(frozen=True, kw_only=True)
class UpstreamArguments:
    """Argument names by kind, as the installed Ultralytics defines them.

    Attributes:
        defaults: every argument of the train and val settings with upstream's default.
        floats, fractions, integers, booleans, texts: which arguments must be of that kind.
        minima: lowest value of some integers.
    """

    defaults: dict[str, Any]
    floats: frozenset[str]
    fractions: frozenset[str]
    integers: frozenset[str]
    booleans: frozenset[str]
    texts: frozenset[str]
    minima: dict[str, int]


@lru_cache(maxsize=1)
def upstream_arguments() -> UpstreamArguments:
    """Read the installed Ultralytics' argument lists (about 20 ms, no import)."""
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or not spec.submodule_search_locations:
        raise InternalError("ultralytics is not installed", hint="pip install 'ultralytics>=8.4.190,<8.5'")
    folder = Path(next(iter(spec.submodule_search_locations))) / "cfg"
    defaults = load_yaml_file(folder / "default.yaml")
    other_lines = _lines_of_other_modes(defaults.lines)
    sets = _literal_sets(folder / "__init__.py")
    return UpstreamArguments(
        defaults={
            str(key): value
            for key, value in defaults.value.items()
            if (place := defaults.position((key,))) is not None and place.line not in other_lines
        },
        floats=frozenset(sets["CFG_FLOAT_KEYS"]),
        fractions=frozenset(sets["CFG_FRACTION_KEYS"]),
        integers=frozenset(sets["CFG_INT_KEYS"]),
        booleans=frozenset(sets["CFG_BOOL_KEYS"]),
        texts=frozenset(sets["CFG_STR_KEYS"]),
        minima=dict(sets["CFG_INT_MIN"]),
    )


def _lines_of_other_modes(lines: tuple[str, ...]) -> set[int]:
    """Line numbers (from 1) under headings of modes other than training and validation."""
    other, inside = set(), False
    for number, line in enumerate(lines, start=1):
        if line.startswith("# ") and (
            "---" in line or line.strip("# ") in {"Segmentation", "Classification"}
        ):
            inside = any(heading in line for heading in _OTHER_MODES)
        if inside:
            other.add(number)
    return other


def _literal_sets(source: Path) -> dict[str, Any]:
    """Module-level `CFG_* = frozenset({…})` and `CFG_* = {…}` literals of a Python file."""
    found = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name, value = node.targets[0].id, node.value
        if not name.startswith("CFG_"):
            continue
        if isinstance(value, ast.Call) and value.args:
            value = value.args[0]
        found[name] = ast.literal_eval(value)
    return found


def argument_mistake(key: str, value: Any) -> str | None:
    """What is wrong with one training argument, or None.

    Args:
        key: a name that `upstream_arguments().defaults` holds.
        value: as read from YAML.
    """
    upstream = upstream_arguments()
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if key in upstream.booleans and not isinstance(value, bool):
        return f"must be true or false, not {value!r}"
    if key in upstream.texts and not isinstance(value, str):
        return f"must be text, not {value!r}"
    if key in upstream.integers:
        if not isinstance(value, int) or isinstance(value, bool):
            return f"must be a whole number, not {value!r}"
        if value < upstream.minima.get(key, value):
            return f"must be at least {upstream.minima[key]}, not {value}"
    if key in upstream.floats and not number:
        return f"must be a number, not {value!r}"
    if key in upstream.floats and not math.isfinite(value):
        return f"must be a finite number, not {value!r}"
    if key in upstream.fractions and key != "fraction" and not (number and 0 <= value <= 1):
        return f"must be a number from 0 to 1, not {value!r}"
    return None
