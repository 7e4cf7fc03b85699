"""How many values each module of a network holds, by role, summed from the leaves up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from yolow.checkpoint.contents import Contents, Role, TensorEntry

# Dots part the modules of a network, slashes the scopes of an export's nodes. Real networks are ten levels deep.
_SEPARATOR = re.compile(r"[./]")
_MAX_LEVELS = 24

_COUNT_NAMES: dict[Role, str] = {
    "weight": "weights",
    "bias": "biases",
    "norm_weight": "norm_weights",
    "norm_bias": "norm_biases",
    "buffer": "buffers",
}


@dataclass(kw_only=True)
class _Node:
    path: str
    level: int
    kind: str | None = None
    leaf_kind: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    dtypes: Counter[str] = field(default_factory=Counter)
    size_bytes: int = 0
    children: dict[str, _Node] = field(default_factory=dict)

    def add(self, entry: TensorEntry) -> None:
        self.counts[_COUNT_NAMES[entry.role]] += entry.values
        self.size_bytes += entry.size_bytes
        if entry.role in ("weight", "norm_weight"):
            self.dtypes[entry.dtype] += entry.values

    @property
    def parameters(self) -> int:
        return self.counts.total() - self.counts["buffers"]


def module_totals(contents: Contents) -> list[dict[str, Any]]:
    """All modules, parents before children, each with the sum of all that lies in it.

    Returns:
        JSON-ready values: `path` (empty for the network itself), `level` (from 0), `kind` (class or None), the
        values by role under `weights`, `biases`, `norm_weights`, `norm_biases` and `buffers`, `size_bytes`,
        `share` of all parameters in [0, 1], and `dtypes` (dtype -> weights: what a quantization narrows, while it
        leaves biases wide). A tensor that several modules share counts where it stands first.
    """
    root = _Node(path="", level=0)
    above: dict[str, list[_Node]] = {}
    for module in contents.modules:
        above[module.path] = _nodes_to(root, module.path)
        above[module.path][-1].kind = module.kind
    for entry in contents.entries:
        nodes = above.get(entry.module) or above.setdefault(entry.module, _nodes_to(root, entry.module))
        nodes[-1].leaf_kind = entry.kind
        if entry.shared_with is None:
            for node in nodes:
                node.add(entry)
    return [_row(node, root.parameters) for node in _in_order(root)]


def counts_by_role(contents: Contents) -> dict[str, Any]:
    """Values of the whole network by role, parameters in all and by dtype, bytes of parameters and of buffers."""
    entries = [entry for entry in contents.entries if entry.shared_with is None]
    values = dict.fromkeys(_COUNT_NAMES.values(), 0)
    dtypes: Counter[str] = Counter()
    for entry in entries:
        values[_COUNT_NAMES[entry.role]] += entry.values
        if entry.role != "buffer":
            dtypes[entry.dtype] += entry.values
    buffer_bytes = sum(entry.size_bytes for entry in entries if entry.role == "buffer")
    return {
        "total": sum(values.values()) - values["buffers"],
        **values,
        "dtypes": dict(dtypes),
        "size_bytes": sum(entry.size_bytes for entry in entries) - buffer_bytes,
        "buffer_bytes": buffer_bytes,
    }


def _nodes_to(root: _Node, path: str) -> list[_Node]:
    """The nodes from the root to a path, made where they are missing."""
    nodes = [root]
    for part, above in _steps(path):
        node = nodes[-1].children.get(part)
        if node is None:
            node = nodes[-1].children[part] = _Node(path=above, level=len(nodes))
        nodes.append(node)
    return nodes


def _steps(path: str) -> Iterator[tuple[str, str]]:
    """The parts of a path, each with the path up to its end."""
    start = level = 0
    for separator in _SEPARATOR.finditer(path):
        if separator.start() > start and level < _MAX_LEVELS - 1:
            yield path[start : separator.start()], path[: separator.start()]
            level += 1
            start = separator.end()
        elif separator.start() == start:
            start = separator.end()
    if start < len(path):
        yield path[start:], path


def _in_order(root: _Node) -> Iterator[_Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        children = list(node.children.items())
        if all(name.isdecimal() for name in node.children):
            # Layers have numbers; files that keep tensors in another order still name them so.
            children.sort(key=lambda child: int(child[0]))
        waiting.extend(child for _, child in reversed(children))


def _row(node: _Node, total: int) -> dict[str, Any]:
    return {
        "path": node.path,
        "level": node.level,
        # The type of an export's node says nothing of the scope that other nodes lie in.
        "kind": node.kind or (None if node.children else node.leaf_kind),
        **{name: node.counts[name] for name in _COUNT_NAMES.values()},
        "size_bytes": node.size_bytes,
        "share": node.parameters / total if total else 0.0,
        "dtypes": dict(node.dtypes),
    }
