"""Values of a checkpoint are torch's, however the tensors lie in their storages and the storages in the archive."""

from __future__ import annotations

import os
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hostile import pickles
from torch import nn

from yolow.checkpoint.contents import Contents
from yolow.checkpoint.open import open_contents
from yolow.errors import WeightsError, WeightsNotFoundError

_SHARED = Path(os.environ.get("YOLOW_WEIGHTS_DIR", Path(__file__).parents[4] / "shared" / "weights"))
_YOLO26N = _SHARED / "yolo26n.pt"


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """An empty network whose class has the name of one of Ultralytics', for torch to pickle."""
    module = types.ModuleType("ultralytics.nn.tasks")
    detector = type("DetectionModel", (nn.Module,), {"__module__": module.__name__})
    vars(module)["DetectionModel"] = detector
    monkeypatch.setitem(sys.modules, module.__name__, module)
    network: nn.Module = detector()
    return network


def _save(model: nn.Module, path: Path) -> Contents:
    torch.save({"model": model}, path)
    return open_contents(path)


def _read(contents: Contents) -> dict[str, np.ndarray]:
    return {entry.name: contents.read(entry) for entry in contents.entries}


def _assert_same(contents: Contents, model: nn.Module) -> None:
    state = model.state_dict()
    values = _read(contents)
    assert list(values) == list(state)
    for name, tensor in state.items():
        expected = tensor.float() if tensor.dtype in _NOT_IN_NUMPY else tensor
        np.testing.assert_array_equal(values[name], expected.numpy(), err_msg=name, strict=True)


_NOT_IN_NUMPY = (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)


def test_views_of_any_stride_and_offset(model: nn.Module, tmp_path: Path) -> None:
    base = torch.arange(120.0).reshape(4, 5, 6)
    views = {
        "whole": base,
        "part": base[1:3],
        "turned": base.permute(2, 0, 1),
        "every_other": base[::2, 1::2, ::3],
        "diagonal": base[0].diagonal(),
        "repeated": torch.arange(8.0)[:4].reshape(4, 1).expand(4, 2),
        "one_value": base[2, 3, 4],
        "nothing": base[:, :0],
        "channels_last": base.reshape(1, 4, 5, 6).to(memory_format=torch.channels_last),
    }
    for name, view in views.items():
        model.register_buffer(name, view)
    contents = _save(model, tmp_path / "x.pt")
    _assert_same(contents, model)
    assert {entry.role for entry in contents.entries} == {"buffer"}


def test_every_type(model: nn.Module, tmp_path: Path) -> None:
    types_ = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    for name in types_:
        model.register_buffer(f"a_{name}", torch.tensor([[0, 1, 3], [100, 0, 2]]).to(getattr(torch, name)))
    bits = torch.arange(256, dtype=torch.uint8)
    for name in ("float8_e4m3fn", "float8_e5m2"):
        model.register_buffer(f"a_{name}", bits.view(getattr(torch, name)))
    model.register_buffer("a_uint16", torch.tensor([0, 65535], dtype=torch.uint16))
    model.register_buffer("a_complex64", torch.tensor([1 + 2j]))
    contents = _save(model, tmp_path / "x.pt")
    _assert_same(contents, model)
    assert all(f"a_{entry.dtype}" == entry.name for entry in contents.entries)
    assert all(entry.size_bytes == model.state_dict()[entry.name].nbytes for entry in contents.entries)


def test_roles_and_modules(model: nn.Module, tmp_path: Path) -> None:
    model.head = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.MultiheadAttention(4, 2))
    contents = _save(model, tmp_path / "x.pt")
    assert [(entry.path, entry.kind) for entry in contents.modules] == [
        ("", "DetectionModel"),
        ("head", "Sequential"),
        ("head.0", "Conv2d"),
        ("head.1", "BatchNorm2d"),
        ("head.2", "MultiheadAttention"),
        ("head.2.out_proj", "NonDynamicallyQuantizableLinear"),
    ]
    assert {entry.name: entry.role for entry in contents.entries} == {
        "head.0.weight": "weight",
        "head.0.bias": "bias",
        "head.1.weight": "norm_weight",
        "head.1.bias": "norm_bias",
        "head.1.running_mean": "buffer",
        "head.1.running_var": "buffer",
        "head.1.num_batches_tracked": "buffer",
        "head.2.in_proj_weight": "weight",
        "head.2.in_proj_bias": "bias",
        "head.2.out_proj.weight": "weight",
        "head.2.out_proj.bias": "bias",
    }
    assert {entry.name: (entry.module, entry.kind) for entry in contents.entries}["head.1.bias"] == (
        "head.1",
        "BatchNorm2d",
    )


def test_shared_tensors_and_modules_count_once(model: nn.Module, tmp_path: Path) -> None:
    model.first = nn.Linear(3, 2)
    model.again = model.first
    model.other = nn.Linear(3, 2)
    model.other.weight = model.first.weight
    model.other.bias = nn.Parameter(model.first.bias.detach())
    contents = _save(model, tmp_path / "x.pt")
    _assert_same(contents, model)
    assert {entry.name: entry.shared_with for entry in contents.entries} == {
        "first.weight": None,
        "first.bias": None,
        "again.weight": "first.weight",
        "again.bias": "first.bias",
        "other.weight": "first.weight",
        # A parameter of its own over the same storage: torch counts it.
        "other.bias": None,
    }
    counted = sum(entry.values for entry in contents.entries if entry.shared_with is None)
    assert counted == sum(parameter.numel() for parameter in model.parameters()) == 10
    assert contents.facts["parameters"] == 10
    assert [entry.path for entry in contents.modules] == ["", "first", "again", "other"]


def test_what_is_no_part_of_the_state_is_told_apart(model: nn.Module, tmp_path: Path) -> None:
    model.register_buffer("kept", torch.zeros(2))
    model.register_buffer("passing", torch.zeros(3), persistent=False)
    model.stride = torch.tensor([8.0, 16.0])
    contents = _save(model, tmp_path / "x.pt")
    _assert_same(contents, model)
    assert contents.facts["other_tensors"] == {
        "passing": {"dtype": "float32", "shape": [3], "size_bytes": 12},
        "stride": {"dtype": "float32", "shape": [2], "size_bytes": 8},
    }


def _repacked(path: Path, target: Path, compression: int, changed: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", compression) as repacked:
        for name in source.namelist():
            repacked.writestr(name, (changed or {}).get(name.partition("/")[2], source.read(name)))
    return target


def test_packed_storages_are_unpacked_as_far_as_needed(model: nn.Module, tmp_path: Path) -> None:
    base = torch.rand(1_000_000)
    model.register_buffer("all", base)
    model.register_buffer("last", base[-3:])
    model.register_buffer("middle", base[400_000:700_000].reshape(2, -1).T)
    _save(model, tmp_path / "x.pt")
    packed = _repacked(tmp_path / "x.pt", tmp_path / "packed.pt", zipfile.ZIP_DEFLATED)
    assert packed.stat().st_size < 0.95 * (tmp_path / "x.pt").stat().st_size
    _assert_same(open_contents(packed), model)


def test_unpacking_without_end_is_refused(model: nn.Module, tmp_path: Path) -> None:
    """A hundred views at the end of one storage that packs well."""
    base = torch.randint(0, 3, (1_000_000,))
    for index in range(100):
        model.register_buffer(f"view{index}", base[-1 - index :][:1])
    _save(model, tmp_path / "x.pt")
    contents = open_contents(_repacked(tmp_path / "x.pt", tmp_path / "packed.pt", zipfile.ZIP_DEFLATED))
    assert contents.read(contents.entries[0]).tolist() == [base[-1].item()]
    with pytest.raises(WeightsError, match="unpack to an absurd size"):
        _read(contents)


def test_other_byte_order_is_refused(model: nn.Module, tmp_path: Path) -> None:
    model.register_buffer("one", torch.ones(1))
    _save(model, tmp_path / "x.pt")
    path = _repacked(tmp_path / "x.pt", tmp_path / "big.pt", zipfile.ZIP_STORED, {"byteorder": b"big"})
    with pytest.raises(WeightsError) as caught:
        open_contents(path)
    assert caught.value.message == "the checkpoint's bytes are not in little-endian order"
    assert caught.value.context == (str(path), "entry: byteorder")


def test_a_file_that_changes_is_noticed(model: nn.Module, tmp_path: Path) -> None:
    model.register_buffer("one", torch.ones(1))
    contents = _save(model, tmp_path / "x.pt")
    model.one += 1
    torch.save({"model": model}, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="has changed while it was read"):
        contents.read(contents.entries[0])
    assert open_contents(tmp_path / "x.pt").read(contents.entries[0]).tolist() == [2.0]


def _module(**state: bytes) -> bytes:
    return pickles.made("torch.nn.modules.container", "Sequential", **state)


def _network_of(**modules: bytes) -> bytes:
    return pickles.checkpoint(model=pickles.network(_modules=pickles.dict_of(**modules)))


def test_modules_that_unfold_without_end_are_refused(tmp_path: Path) -> None:
    """Forty levels, each with the one below twice: 2^40 paths in a small file."""
    level = _module() + b"r\x00\x01\x00\x00"
    for number in range(1, 40):
        below = b"j" + (255 + number).to_bytes(4, "little")
        level = level + pickles.POP + _module(_modules=pickles.dict_of(a=below, b=below))
        level += b"r" + (256 + number).to_bytes(4, "little")
    path = pickles.write(tmp_path / "x.pt", _network_of(model=level))
    with pytest.raises(WeightsError, match="network can't be used") as caught:
        open_contents(path)
    assert caught.value.context == (str(path), "the network's modules unfold to an absurd number")


def test_two_tensors_of_one_name_are_refused(model: nn.Module, tmp_path: Path) -> None:
    model.layer = nn.Module()
    model.layer.register_buffer("scale", torch.ones(1))
    model._buffers["layer.scale"] = torch.ones(2)
    torch.save({"model": model}, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="network can't be used") as caught:
        open_contents(tmp_path / "x.pt")
    assert "two tensors of one name" in caught.value.context[1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.pt", "the weights file is not there"),
        ("none_openvino_model", "the weights are not there"),
        ("none", "the weights are not there"),
    ],
)
def test_missing(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError) as caught:
        open_contents(tmp_path / name)
    assert (caught.value.message, caught.value.context) == (said, (str(tmp_path / name),))


def test_formats_that_are_not_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "yolo26n.engine"
    path.write_bytes(b"ftrt")
    with pytest.raises(WeightsError) as caught:
        open_contents(path)
    assert caught.value.message == "the format of the weights is not one that can be read"
    assert caught.value.context == (str(path), "looks like a TensorRT engine")
    assert caught.value.note is not None
    assert ".safetensors" in caught.value.note


def test_a_checkpoint_without_a_suffix_is_known_by_its_content(model: nn.Module, tmp_path: Path) -> None:
    model.register_buffer("one", torch.ones(1))
    assert _save(model, tmp_path / "1f3a").format == "pytorch"


@pytest.mark.shared
@pytest.mark.skipif(not _YOLO26N.is_file(), reason="the shared weights are not there")
def test_yolo26n() -> None:
    contents = open_contents(_YOLO26N)
    values: dict[str, int] = {}
    for entry in contents.entries:
        values[entry.role] = values.get(entry.role, 0) + entry.values
    assert sum(count for role, count in values.items() if role != "buffer") == 2_572_280
    assert values["bias"] + values["norm_bias"] == 10_288
    assert contents.facts["fused_parameters"] == 2_408_932
    facts: dict[str, Any] = contents.facts
    assert (facts["task"], facts["architecture"], facts["source"]) == ("detect", "yolo26n", "model")
