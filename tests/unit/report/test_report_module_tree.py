"""The table of modules: which rows there are, and that they add up."""

from __future__ import annotations

from typing import Any

import pytest

from yolow.report.module_tree import dtype_text, module_tree
from yolow.report.tables import plain_lines


def module(path: str, level: int, kind: str | None = None, **counts: Any) -> dict[str, Any]:
    values = dict.fromkeys(("weights", "biases", "norm_weights", "norm_biases", "buffers", "size_bytes"), 0)
    row = {"path": path, "level": level, "kind": kind, "share": 0.0, "dtypes": {"float16": 1}}
    return row | values | counts


def network(layers: int, parts: int = 0) -> list[dict[str, Any]]:
    """A network of layers of a hundred values, each of so many equal parts."""
    share = 1 / layers
    rows = [module(path, level, weights=100 * layers, size_bytes=200 * layers, share=1.0)
            for level, path in enumerate(("", "model"))]  # fmt: skip
    for layer in range(layers):
        rows.append(module(f"model.{layer}", 2, "Conv", weights=100, size_bytes=200, share=share))
        rows += [
            module(f"model.{layer}.cv{part}", 3, "Conv2d", weights=100 // parts, share=share / parts)
            for part in range(parts)
        ]
    return rows


def labels(modules: list[dict[str, Any]], depth: int | None = None) -> list[str]:
    return [row.cells[0] for row in module_tree(modules, depth=depth).table.rows]


def test_what_wraps_all_layers_is_left_out() -> None:
    tree = module_tree(network(3, parts=2), depth=1)
    assert (tree.depth, tree.deepest, tree.left_out) == (1, 2, 0)
    assert list(plain_lines(tree.table)) == [
        "module        weights  biases   kB   share",
        "model.0 Conv      100       -  0.2   33.3%",
        "model.1 Conv      100       -  0.2   33.3%",
        "model.2 Conv      100       -  0.2   33.3%",
        "all               300       -  0.6  100.0%",
    ]


@pytest.mark.parametrize(("layers", "parts", "depth"), [(3, 2, 2), (10, 2, 2), (11, 2, 1), (24, 7, 1)])
def test_as_deep_as_a_screen_allows(layers: int, parts: int, depth: int) -> None:
    tree = module_tree(network(layers, parts), depth=None)
    assert (tree.depth, tree.left_out) == (depth, 0)
    assert len(tree.table.rows) <= 32 + 1


def test_more_layers_than_a_screen_has_lines() -> None:
    tree = module_tree(network(400), depth=None)
    assert (tree.depth, tree.left_out, len(tree.table.rows)) == (1, 400 - 32, 33)
    assert module_tree(network(400), depth=1).left_out == 0


def test_inner_modules_are_indented_and_named_by_their_last_part() -> None:
    assert labels(network(2, parts=2), depth=9)[:3] == [
        "model.0 Conv",
        "  cv0 Conv2d",
        "  cv1 Conv2d",
    ]


def test_empty_layers_are_shown_and_empty_parts_of_layers_are_not() -> None:
    modules = network(2)
    modules += [module("model.2", 2, "Upsample"), module("model.2.act", 3, "SiLU")]
    assert labels(modules, depth=3) == ["model.0 Conv", "model.1 Conv", "model.2 Upsample", "all"]


def test_what_lies_outside_the_layers_has_a_row_so_that_all_rows_add_up() -> None:
    modules = network(2)
    modules[0] |= {"buffers": 7, "size_bytes": modules[0]["size_bytes"] + 28}
    table = module_tree(modules, depth=1).table
    assert [column.title for column in table.columns] == [
        "module",
        "weights",
        "biases",
        "buffers",
        "kB",
        "share",
    ]
    assert table.rows[-2].cells == ("elsewhere", "-", "-", "7", "0.0", "0.0%")
    assert table.rows[-1].cells == ("all", "200", "-", "7", "0.4", "100.0%")


def test_mixed_types_have_a_column() -> None:
    modules = network(2)
    modules[0]["dtypes"] = {"float32": 3, "int8": 97}
    modules[2]["dtypes"] = {"int8": 97}
    table = module_tree(modules, depth=1).table
    assert table.columns[-1].title == "dtype"
    assert [row.cells[-1] for row in table.rows] == ["int8", "float16", "int8 97%, float32 3%"]


def test_a_network_fits_80_columns_whatever_its_names_are() -> None:
    modules = network(3, parts=1)
    modules[0] |= {"norm_weights": 9_784, "norm_biases": 9_784, "buffers": 119_682, "weights": 9_552_208,
                   "size_bytes": 9_600_000}  # fmt: skip
    modules[2]["path"] = "model." + "x" * 300 + "\x1b[2J"
    lines = list(plain_lines(module_tree(modules, depth=None).table))
    assert max(map(len, lines)) <= 80
    assert all(line.isprintable() for line in lines)


def test_a_file_without_modules() -> None:
    tree = module_tree([module("", 0)], depth=None)
    assert (tree.deepest, tree.left_out, [row.cells[0] for row in tree.table.rows]) == (0, 0, ["all"])


@pytest.mark.parametrize(
    ("dtypes", "text"),
    [({}, "-"), ({"float16": 5}, "float16"), ({"a": 1, "b": 3}, "b 75%, a 25%"), ({"a": 0, "b": 0}, "a")],
)
def test_types_in_words(dtypes: dict[str, int], text: str) -> None:
    assert dtype_text(dtypes) == text
