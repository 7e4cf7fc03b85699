"""Imports go down only, and each heavy dependency has one door."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "yolow"

# Lower number = lower room. Rooms on one level never import each other.
LEVELS = {
    "cli": 5,
    "recipes": 4,
    "report": 3,
    "engine": 2,
    "store": 2,
    "checkpoint": 2,
    "data": 2,
    "config": 1,
    "gate": 0,
    "run_report": 0,
    "metrics": 0,
    "progress": 0,
    "errors": 0,
}
# A dependency -> the rooms that may import it anywhere, and those that may inside functions only.
DOORS: dict[str, tuple[set[str], set[str]]] = {
    "typer": ({"cli"}, set()),
    "rich": ({"report"}, set()),
    "yaml": ({"config"}, set()),
    "torch": ({"engine"}, set()),
    "torchvision": ({"engine"}, set()),
    "ultralytics": ({"engine"}, set()),
    "numpy": ({"engine"}, {"checkpoint", "data"}),
    "onnx": ({"engine"}, {"checkpoint"}),
    "tflite": (set(), {"checkpoint"}),
    "fsspec": (set(), {"store"}),
    "matplotlib": ({"engine"}, {"report"}),
    "openvino": ({"engine"}, set()),
    "onnxruntime": ({"engine"}, set()),
    "nncf": ({"engine"}, set()),
    "torch_pruning": ({"engine"}, set()),
    "cv2": ({"engine"}, {"checkpoint", "data"}),
    "PIL": ({"engine"}, {"checkpoint", "data"}),
    "click": (set(), set()),
}


def _imports(path: Path) -> Iterator[tuple[str, int, bool, bool]]:
    """(module, line, inside a function, for types only) of every import of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            modules = [node.module]
            if node.module in {"yolow", "yolow.cli", "yolow.recipes", "yolow.engine"}:
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        inside = types_only = False
        above = parents.get(node)
        while above is not None:
            inside |= isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef)
            types_only |= isinstance(above, ast.If) and ast.unparse(above.test) == "TYPE_CHECKING"
            above = parents.get(above)
        for module in modules:
            yield module, node.lineno, inside, types_only


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if _room(path) in LEVELS]


def test_every_file_lies_in_a_known_room() -> None:
    others = {_room(path) for path in PACKAGE.rglob("*.py")} - LEVELS.keys()
    assert others == {"__init__", "__main__"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    room = _room(path)
    wrong = []
    for module, line, _, _ in _imports(path):
        if not module.startswith("yolow."):
            continue
        target = module.split(".")[1]
        if target in LEVELS and target != room and LEVELS[target] >= LEVELS[room] and LEVELS[room] > 0:
            wrong.append(f"{path}:{line}: {room} imports {module}")
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_dependencies_have_one_door(path: Path) -> None:
    room = _room(path)
    wrong = []
    for module, line, inside, types_only in _imports(path):
        top = module.split(".")[0]
        if top not in DOORS or types_only:
            continue
        anywhere, in_functions = DOORS[top]
        if room not in anywhere and not (inside and room in in_functions):
            wrong.append(f"{path}:{line}: {room} imports {module}")
    assert not wrong


def test_files_keep_house_size() -> None:
    long = {
        str(path): lines for path in FILES if (lines := path.read_text(encoding="utf-8").count("\n")) > 350
    }
    assert not long


def test_no_catch_all_modules() -> None:
    forbidden = {"utils.py", "helpers.py", "common.py", "manager.py"}
    assert not [path for path in PACKAGE.rglob("*.py") if path.name in forbidden]
