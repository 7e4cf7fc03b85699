"""Values of a network, summed by module and by role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yolow.checkpoint.contents import Contents, ModuleEntry, Role, TensorEntry
from yolow.recipes.module_totals import counts_by_role, module_totals


def tensor(name: str, role: Role, *shape: int, dtype: str = "float16", **others: Any) -> TensorEntry:
    size_bytes = {"float16": 2, "float32": 4, "int8": 1, "int64": 8}[dtype]
    for size in shape:
        size_bytes *= size
    return TensorEntry(
        name=name, role=role, dtype=dtype, shape=shape, size_bytes=size_bytes,
        **{"module": name.rpartition(".")[0]} | others,
    )  # fmt: skip


def contents(*entries: TensorEntry, modules: tuple[ModuleEntry, ...] = ()) -> Contents:
    def none_to_read(entry: TensorEntry) -> Any:
        raise AssertionError(f"the values of {entry.name} are not needed")

    return Contents(
        path=Path("x.pt"),
        format="pytorch",
        size_bytes=1,
        entries=entries,
        modules=modules,
        reader=none_to_read,
    )


NETWORK = contents(
    tensor("model.0.conv.weight", "weight", 4, 3, 3, 3),
    tensor("model.0.conv.bias", "bias", 4),
    tensor("model.0.bn.weight", "norm_weight", 4),
    tensor("model.0.bn.bias", "norm_bias", 4),
    tensor("model.0.bn.running_mean", "buffer", 4),
    tensor("model.0.bn.num_batches_tracked", "buffer", dtype="int64"),
    tensor("model.1.weight", "weight", 10, 4, dtype="int8"),
    tensor("model.2.weight", "weight", 10, 4, dtype="int8", shared_with="model.1.weight"),
    modules=(
        ModuleEntry(path="", kind="DetectionModel"),
        ModuleEntry(path="model", kind="Sequential"),
        ModuleEntry(path="model.0", kind="Conv"),
        ModuleEntry(path="model.0.conv", kind="Conv2d"),
        ModuleEntry(path="model.0.bn", kind="BatchNorm2d"),
        ModuleEntry(path="model.1", kind="Linear"),
        ModuleEntry(path="model.2", kind="Linear"),
        ModuleEntry(path="model.3", kind="Upsample"),
    ),
)


def test_roles_of_the_whole_network() -> None:
    """A tensor that two modules share counts once, and buffers are no parameters."""
    assert counts_by_role(NETWORK) == {
        "total": 108 + 4 + 4 + 4 + 40,
        "weights": 148, "biases": 4, "norm_weights": 4, "norm_biases": 4, "buffers": 5,
        "dtypes": {"float16": 120, "int8": 40},
        "size_bytes": 2 * 120 + 40,
        "buffer_bytes": 2 * 4 + 8,
    }  # fmt: skip


def test_every_module_holds_the_sum_of_its_parts() -> None:
    rows = {row["path"]: row for row in module_totals(NETWORK)}
    assert list(rows) == [
        "", "model", "model.0", "model.0.conv", "model.0.bn", "model.1", "model.2", "model.3",
    ]  # fmt: skip
    assert [row["level"] for row in rows.values()] == [0, 1, 2, 3, 3, 2, 2, 2]
    assert rows["model.0"] == {
        "path": "model.0", "level": 2, "kind": "Conv", "weights": 108, "biases": 4, "norm_weights": 4,
        "norm_biases": 4, "buffers": 5, "size_bytes": 2 * 124 + 8, "share": 0.75, "dtypes": {"float16": 112},
    }  # fmt: skip
    assert (rows["model.1"]["weights"], rows["model.1"]["share"]) == (40, 0.25)
    assert (rows["model.2"]["weights"], rows["model.2"]["kind"]) == (0, "Linear")
    assert rows[""]["share"] == 1
    assert rows[""]["dtypes"] == {"float16": 112, "int8": 40}


def test_names_alone_make_a_tree_in_the_order_of_their_numbers() -> None:
    """Formats without modules: paths from names, layers 2 before 10; nodes of exports are parted by slashes."""
    file = contents(
        tensor("model.10.weight", "weight", 1, kind="Conv"),
        tensor("model.2.weight", "weight", 1, kind="Conv"),
        tensor("model.2.cv1.weight", "weight", 1, kind="Conv"),
    )
    rows = module_totals(file)
    assert [row["path"] for row in rows] == ["", "model", "model.2", "model.2.cv1", "model.10"]
    # what lies around other nodes is a scope, whatever type a node of its name has
    assert [row["kind"] for row in rows] == [None, None, None, "Conv", "Conv"]
    sliced = contents(tensor("w", "weight", 1, module="/model.0/conv/Conv"))
    assert [row["path"] for row in module_totals(sliced)] == [
        "", "/model", "/model.0", "/model.0/conv", "/model.0/conv/Conv",
    ]  # fmt: skip


def test_hostile_paths_make_a_bounded_tree() -> None:
    deep = ".".join("a" * 10_000)
    rows = module_totals(
        contents(tensor("w", "weight", 1, module=deep), tensor("v", "weight", 1, module="..."))
    )
    assert len(rows) == 25
    assert (rows[-1]["path"], rows[-1]["weights"], rows[0]["weights"]) == (deep, 1, 2)


def test_no_tensors_at_all() -> None:
    (row,) = module_totals(contents())
    assert (row["share"], row["dtypes"], row["size_bytes"]) == (0, {}, 0)
