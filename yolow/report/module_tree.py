"""The modules of a network as an indented table: what each holds, and how much of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from yolow.report.formats import MISSING, visible
from yolow.report.tables import Column, Row, Table

# With its header, totals and heading such a tree fits a screen of 80 x 40.
MOST_ROWS = 32
# Beside the numbers of a network of some million parameters such a label still fits 80 columns.
_MOST_LABEL = 27
_ROLES = ("weights", "biases", "norm_weights", "norm_biases", "buffers")

Module = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ModuleTree:
    """The table of modules.

    Attributes:
        depth: how many levels it shows.
        deepest: how many levels the network has.
        left_out: rows that did not fit.
    """

    table: Table
    depth: int
    deepest: int
    left_out: int


def module_tree(modules: Sequence[Module], *, depth: int | None) -> ModuleTree:
    """The modules down to a depth, each with the sum of what lies below it.

    Modules that only wrap another one (`model` around all layers) are left out; level 1 are the layers.

    Args:
        modules: as `module_totals` gives them.
        depth: how many levels, all of them shown; None: as many as fit a screen.
    """
    trunk, below = _trunk(modules)
    base = int(trunk["level"])
    deepest = max((int(module["level"]) - base for module in below), default=0)
    if depth is None:
        sizes = [sum(_is_shown(module, base, level) for module in below) for level in range(1, deepest + 1)]
        level = max(1, sum(size <= MOST_ROWS for size in sizes))
    else:
        level = depth
    rows = [module for module in below if _is_shown(module, base, level)]
    shown = list(rows if depth is not None else rows[:MOST_ROWS])
    elsewhere = _elsewhere(modules[0], trunk)
    return ModuleTree(
        table=_table(modules[0], [*shown, *([elsewhere] if elsewhere else [])], base),
        depth=min(level, deepest),
        deepest=deepest,
        left_out=len(rows) - len(shown),
    )


def dtype_text(dtypes: Mapping[str, int]) -> str:
    """`float16`, or `int8 97 %, float32 3 %`."""
    total = sum(dtypes.values())
    if len(dtypes) < 2 or not total:
        return next(iter(dtypes), MISSING)
    ordered = sorted(dtypes.items(), key=lambda item: -item[1])
    return ", ".join(f"{visible(dtype)} {values / total:.0%}" for dtype, values in ordered)


def _trunk(modules: Sequence[Module]) -> tuple[Module, Sequence[Module]]:
    """The first module with several parts that hold parameters, and all modules in it."""
    inside = modules[1:]
    trunk = modules[0]
    while True:
        parts = [
            index
            for index, module in enumerate(inside)
            if module["level"] == trunk["level"] + 1 and module["share"]
        ]
        if len(parts) != 1:
            return trunk, inside
        below = _below(inside, parts[0])
        if not below:
            return trunk, inside
        trunk, inside = inside[parts[0]], below


def _below(modules: Sequence[Module], index: int) -> Sequence[Module]:
    """The modules inside the one at `index`; all modules are in the order of the tree."""
    level = modules[index]["level"]
    return list(takewhile(lambda module: module["level"] > level, modules[index + 1 :]))


def _elsewhere(whole: Module, trunk: Module) -> Module | None:
    """What lies outside the trunk, as a row of its own, so that all rows add up."""
    if whole["size_bytes"] == trunk["size_bytes"]:
        return None
    counts = {key: whole[key] - trunk[key] for key in (*_ROLES, "size_bytes", "share")}
    return {"path": "elsewhere", "kind": None, "level": trunk["level"] + 1, "dtypes": {}, **counts}


def _is_shown(module: Module, base: int, depth: int) -> bool:
    """Layers always; what lies in them only where it holds something."""
    level = int(module["level"]) - base
    return level == 1 or (level <= depth and any(module[role] for role in _ROLES))


def _table(whole: Module, rows: Sequence[Module], base: int) -> Table:
    has_norm = bool(whole["norm_weights"] or whole["norm_biases"])
    has_buffers = bool(whole["buffers"])
    is_mixed = len(whole["dtypes"]) > 1
    columns = [
        Column(title="module"),
        Column(title="weights", right=True),
        Column(title="biases", right=True),
    ]
    columns += [Column(title="norm", right=True)] if has_norm else []
    columns += [Column(title="buffers", right=True)] if has_buffers else []
    columns += [Column(title="kB", right=True), Column(title="share", right=True)]
    columns += [Column(title="dtype")] if is_mixed else []
    lines = []
    for module in (*rows, whole):
        is_total = module is whole
        cells = ["all" if is_total else _label(module, int(module["level"]) - base)]
        cells += [_count(module["weights"]), _count(module["biases"])]
        cells += [_count(module["norm_weights"] + module["norm_biases"])] if has_norm else []
        cells += [_count(module["buffers"])] if has_buffers else []
        cells += [f"{module['size_bytes'] / 1e3:,.1f}", f"{module['share']:.1%}"]
        cells += [dtype_text(module["dtypes"])] if is_mixed else []
        lines.append(Row(cells=tuple(cells), tone="strong" if is_total else ""))
    return Table(columns=tuple(columns), rows=tuple(lines))


def _count(values: int) -> str:
    return f"{values:,}" if values else MISSING


def _label(module: Module, level: int) -> str:
    """The path of a layer, below it the last part alone, and the class."""
    path = str(module["path"])
    if level > 1:
        path = path.replace("/", ".").rpartition(".")[2] or path
    label = "  " * (level - 1) + visible(f"{path} {module['kind'] or ''}".rstrip())
    return label if len(label) <= _MOST_LABEL else f"{label[: _MOST_LABEL - 3]}..."
