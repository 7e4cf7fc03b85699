"""Comparing weights tensor by tensor: states, measures, folding, recognition and quantized values."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from yolow.checkpoint import difference
from yolow.checkpoint.compare import STATES, Comparison, TensorChange, compare, layer_of
from yolow.checkpoint.contents import Contents, ModuleEntry, Role, TensorEntry
from yolow.errors import WeightsError

RNG = np.random.default_rng(7)


def role_of(name: str) -> Role:
    tail = name.rpartition(".")[2]
    norm = ".bn." in name
    if tail == "weight":
        return "norm_weight" if norm else "weight"
    if tail == "bias":
        return "norm_bias" if norm else "bias"
    return "buffer"


def contents(
    tensors: dict[str, np.ndarray],
    *,
    file_format: str = "pytorch",
    roles: dict[str, Role] | None = None,
    modules: dict[str, str] | None = None,
    kinds: dict[str, str] | None = None,
) -> Contents:
    """A file of these tensors; a tensor's module is its name without the last part, unless `modules` says another."""
    entries = tuple(
        TensorEntry(
            name=name,
            role=(roles or {}).get(name, role_of(name)),
            dtype=str(values.dtype),
            shape=values.shape,
            size_bytes=values.nbytes,
            module=(modules or {}).get(name, name.rpartition(".")[0]),
            kind="Conv",
        )
        for name, values in tensors.items()
    )
    return Contents(
        path=Path(f"a.{file_format}"),
        format=file_format,
        size_bytes=sum(entry.size_bytes for entry in entries),
        entries=entries,
        modules=tuple(ModuleEntry(path=path, kind=kind) for path, kind in (kinds or {}).items()),
        reader=lambda entry: tensors[entry.name],
    )


def random(*shape: int, dtype: str = "float32") -> np.ndarray:
    return RNG.standard_normal(shape).astype(dtype)


def compared(a: np.ndarray, b: np.ndarray) -> TensorChange:
    (change,) = compare(contents({"model.0.weight": a}), contents({"model.0.weight": b})).tensors
    return change


def states(comparison: Comparison) -> dict[str, str]:
    return {change.name: change.state for change in comparison.tensors}


def test_each_state_is_found() -> None:
    same, wide = random(4, 3), random(5)
    a = {
        "m.0.equal": same,
        "m.0.rounded": wide,
        "m.1.changed": random(2),
        "m.1.reshaped": random(2, 3),
        "m.2.gone": same,
    }
    b = {
        "m.3.new": same,
        "m.0.equal": same.copy(),
        "m.0.rounded": wide.astype("float16"),
        "m.1.changed": random(2),
        "m.1.reshaped": a["m.1.reshaped"].reshape(3, 2),
    }
    comparison = compare(contents(a, kinds={"m.0": "Conv"}), contents(b))
    assert states(comparison) == {
        "m.0.equal": "equal",
        "m.0.rounded": "rounded",
        "m.1.changed": "changed",
        "m.1.reshaped": "reshaped",
        "m.2.gone": "removed",
        "m.3.new": "added",
    }
    by_path = {layer.path: layer for layer in comparison.layers}
    assert {path: layer.state for path, layer in by_path.items()} == {
        "m.0": "rounded",
        "m.1": "changed",
        "m.2": "removed",
        "m.3": "added",
    }
    assert by_path["m.0"].kind == "Conv"
    assert by_path["m.1"].tensors == dict.fromkeys(STATES, 0) | {"changed": 1, "reshaped": 1}
    reshaped = comparison.tensors[3]
    assert (reshaped.shape_a, reshaped.shape_b, reshaped.relative_l2) == ((2, 3), (3, 2), None)


def test_measures_are_those_of_their_formulas() -> None:
    a, b = random(64, 9), random(64, 9)
    change = compared(a, b)
    x, y = a.astype(np.longdouble).ravel(), b.astype(np.longdouble).ravel()
    norm = np.sqrt((x * x).sum())
    gap = np.sqrt(((x - y) ** 2).sum())
    assert change.relative_l2 == pytest.approx(float(gap / norm), rel=1e-12)
    assert change.cosine == pytest.approx(float((x * y).sum() / norm / np.sqrt((y * y).sum())), rel=1e-12)
    assert change.max_difference == float(np.abs(x - y).max())
    assert change.signal_to_noise_db == pytest.approx(20 * math.log10(norm / gap), rel=1e-12)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = random(1003), random(1003)
    b[5] = np.nan
    whole = compared(a, b)
    monkeypatch.setattr(difference, "_CHUNK_VALUES", 10)
    parts = compared(a, b)
    assert parts.not_finite == whole.not_finite == 1
    assert parts.max_difference == whole.max_difference
    assert parts.relative_l2 == pytest.approx(whole.relative_l2, rel=1e-13)


def test_equal_values_of_another_type_are_equal() -> None:
    half = random(50, dtype="float16")
    half[3], half[4] = np.nan, np.inf
    change = compared(half, half.astype("float32"))
    assert (change.state, change.dtype_a, change.dtype_b) == ("equal", "float16", "float32")
    assert (change.relative_l2, change.not_finite) == (0.0, 2)


@pytest.mark.parametrize("order", [1, -1])
def test_rounding_is_told_from_change(order: int) -> None:
    wide = random(200)
    wide[0] = 1e6  # beyond float16: infinite when rounded
    with np.errstate(over="ignore"):
        narrow = wide.astype("float16")
    assert compared(*(wide, narrow)[::order]).state == "rounded"
    narrow[7] = np.nextafter(narrow[7], np.float16(9))
    assert compared(*(wide, narrow)[::order]).state == "changed"


def test_every_bit_counts_within_one_type() -> None:
    zeros = np.zeros(3, "float32")
    change = compared(zeros, -zeros)
    assert (change.state, change.max_difference, change.relative_l2) == ("changed", 0.0, 0.0)


def test_values_that_are_not_finite_are_counted_and_left_out() -> None:
    a = np.array([1, 2, np.nan, np.inf, 5], "float32")
    b = np.array([1, 4, 3, np.inf, -np.inf], "float32")
    change = compared(a, b)
    assert (change.state, change.not_finite) == ("changed", 3)
    assert change.relative_l2 == pytest.approx(2 / math.sqrt(5))


@pytest.mark.parametrize(
    ("a", "b", "relative", "cosine"),
    [
        ([0, 0], [0, 1], None, None),
        ([3, 4], [0, 0], 1.0, None),
        ([1e200, 0], [0, 0], None, None),
        ([2], [-2], 2.0, -1.0),
    ],
)
def test_zero_and_huge_norms(
    a: list[float], b: list[float], relative: float | None, cosine: float | None
) -> None:
    change = compared(np.array(a, "float64"), np.array(b, "float64"))
    assert (change.state, change.relative_l2, change.cosine) == ("changed", relative, cosine)


@pytest.mark.parametrize(
    "values",
    [
        np.array(3, "int64"),
        np.zeros((0, 4), "float32"),
        np.array([True, False]),
        np.array([1 + 2j], "complex64"),
    ],
    ids=["single", "empty", "bool", "complex"],
)
def test_odd_tensors(values: np.ndarray) -> None:
    assert compared(values, values.copy()).state == "equal"
    if values.size:
        other = compared(values, ~values if values.dtype == bool else values + 1)
        assert other.state == "changed"
        assert other.max_difference == 1.0


def test_a_transposed_view_is_compared_by_position() -> None:
    values = random(6, 4)
    assert compared(values, np.asfortranarray(values)).state == "equal"
    assert compared(values, values.T.copy().T).state == "equal"


def test_a_layer_is_measured_without_its_counters() -> None:
    weight = random(8, 8)
    a = {"model.0.conv.weight": weight, "model.0.bn.num_batches_tracked": np.array(10)}
    b = {"model.0.conv.weight": weight * 2, "model.0.bn.num_batches_tracked": np.array(10_000)}
    (layer,) = compare(contents(a), contents(b)).layers
    assert layer.relative_l2 == pytest.approx(1.0)
    b["model.0.conv.weight"] = weight
    (layer,) = compare(contents(a), contents(b)).layers
    assert (layer.state, layer.relative_l2, layer.max_difference) == ("changed", 999.0, 9990.0)


@pytest.mark.parametrize(
    ("module", "layer"),
    [
        ("model.23.cv2.0.conv", "model.23"),
        ("/model.0/conv/Conv", "model.0"),
        ("x", "x"),
        ("", ""),
        ("a.b", "a"),
    ],
)
def test_layer_of_a_module(module: str, layer: str) -> None:
    assert layer_of(module) == layer


def test_files_without_a_common_tensor_are_an_error() -> None:
    with pytest.raises(WeightsError) as caught:
        compare(contents({"x": random(3)}), contents({"y": random(3)}))
    assert caught.value.message == "the two files have no tensor in common"
    assert caught.value.context == ("a.pytorch: 1 tensors, pytorch",) * 2


def block(kind: str, *, bias: bool) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A convolution with its normalisation as a file has it, and as torch fuses them."""
    transposed = kind == "conv_transpose"
    make = torch.nn.ConvTranspose2d if transposed else torch.nn.Conv2d
    convolution = make(6, 10, 3, bias=bias).eval()
    norm = torch.nn.BatchNorm2d(10, eps=1e-3).eval()
    with torch.no_grad():
        for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            tensor.copy_(torch.rand(10) + 0.1)
        norm.weight[0] *= -1
    fused = torch.nn.utils.fuse_conv_bn_eval(convolution, norm, transpose=transposed)
    whole = {f"model.0.{kind}.{name}": value.numpy() for name, value in convolution.state_dict().items()}
    whole |= {f"model.0.bn.{name}": value.numpy() for name, value in norm.state_dict().items()}
    return whole, {f"model.0.{kind}.{name}": value.numpy() for name, value in fused.state_dict().items()}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
def test_normalisation_is_folded_in_as_torch_does(kind: str, bias: bool) -> None:
    whole, fused = block(kind, bias=bias)
    comparison = compare(contents(whole), contents(fused))
    assert comparison.fused == ("a",)
    assert states(comparison) == {f"model.0.{kind}.weight": "rounded", f"model.0.{kind}.bias": "rounded"}
    backwards = compare(contents(fused), contents(whole))
    assert backwards.fused == ("b",)
    assert set(states(backwards).values()) == {"rounded"}
    fused[f"model.0.{kind}.weight"] = fused[f"model.0.{kind}.weight"] * np.float32(1.00001)
    changed = compare(contents(whole), contents(fused))
    assert states(changed)[f"model.0.{kind}.weight"] == "changed"
    assert changed.tensors[0].signal_to_noise_db == pytest.approx(100, abs=1)


def test_a_normalisation_of_impossible_shape_stays_as_it_is() -> None:
    whole, fused = block("conv", bias=True)
    whole["model.0.bn.weight"] = random(3)
    comparison = compare(contents(whole), contents(fused))
    assert states(comparison)["model.0.bn.running_var"] == "removed"
    assert states(comparison)["model.0.conv.weight"] == "changed"


def test_an_export_is_recognised_by_shape_and_values() -> None:
    heads = [random(16, 8, 3, 3) for _ in range(4)]
    bias = random(16)
    a = {f"model.{index}.weight": head for index, head in enumerate(heads)} | {"model.0.bias": bias}
    scales = RNG.uniform(0.5, 2, (16, 1, 1, 1)).astype("float32")
    b = {
        "const_9": heads[2] * scales,  # a scale of its own for each channel is no other tensor
        "const_3": heads[0] + 0.01 * random(16, 8, 3, 3),
        "const_5": bias.reshape(1, 16, 1, 1),
        "shape": np.array([1, -1]),
    }
    roles: dict[str, Role] = {"const_9": "weight", "const_3": "weight", "const_5": "bias", "shape": "buffer"}
    comparison = compare(contents(a), contents(b, file_format="onnx", roles=roles))
    assert comparison.recognised == 3
    found = {change.name: change.other_name for change in comparison.tensors if change.other_name}
    assert found == {"model.0.weight": "const_3", "model.2.weight": "const_9", "model.0.bias": "const_5"}
    assert states(comparison)["model.0.bias"] == "equal"
    assert states(comparison)["model.1.weight"] == "removed"
    assert [layer.path for layer in comparison.layers] == ["model.0", "model.1", "model.2", "model.3"]


def quantized(values: np.ndarray, zero: int = 0) -> tuple[np.ndarray, np.ndarray]:
    scale = (np.abs(values).max(axis=(1, 2, 3)) / 127).astype("float32")
    integers = np.round(values / scale.reshape(-1, 1, 1, 1)) + zero
    return integers.astype("uint8" if zero else "int8"), scale


@pytest.mark.parametrize("zero", [0, 128])
@pytest.mark.parametrize("layout", ["onnx", "openvino"])
def test_quantized_values_are_compared_in_their_scale(layout: str, zero: int) -> None:
    weight = random(12, 5, 3, 3)
    integers, scale = quantized(weight, zero)
    zeros = np.full(12, zero, integers.dtype)
    name = "model.0.conv.weight"
    if layout == "onnx":
        tensors = {f"{name}_quantized": integers, f"{name}_scale": scale, f"{name}_zero_point": zeros}
        modules = {f"{name}_scale": "node", f"{name}_zero_point": "node", f"{name}_quantized": "model.0.conv"}
    else:
        tensors = {name: integers, "c1": scale.reshape(-1, 1, 1, 1), "c2": zeros.reshape(-1, 1, 1, 1)}
        modules = dict.fromkeys(tensors, "model.0.conv")
        if not zero:
            del tensors["c2"]
    roles: dict[str, Role] = {name: "weight", f"{name}_quantized": "weight"}
    export = contents(
        tensors, file_format=layout, modules=modules, roles=dict.fromkeys(tensors, "buffer") | roles
    )
    (change,) = (one for one in compare(contents({name: weight}), export).tensors if one.name == name)
    step = scale.astype("float64").reshape(-1, 1, 1, 1)
    real = (integers.astype("float64") - zero) * step
    expected = 10 * math.log10((weight.astype("float64") ** 2).sum() / ((weight - real) ** 2).sum())
    assert (change.state, change.dtype_b) == ("changed", str(integers.dtype))
    assert change.signal_to_noise_db == pytest.approx(expected, rel=1e-9)
    assert 30 < expected < 60


def test_a_scale_that_could_be_either_is_none() -> None:
    weight = random(12, 5, 3, 3)
    integers, scale = quantized(weight)
    tensors = {"w.weight": integers, "c1": scale, "c2": scale * 2}
    export = contents(tensors, file_format="openvino", modules=dict.fromkeys(tensors, "w"))
    change = compare(contents({"w.weight": weight}), export).tensors[0]
    assert (change.state, change.relative_l2, change.signal_to_noise_db) == ("changed", None, None)


def test_two_quantized_files_are_compared_as_numbers() -> None:
    a, b = np.array([[1, 2]], "int8"), np.array([[1, -128]], "int8")
    assert compared(a, b).max_difference == 130.0
    assert compared(a, a.astype("int16")).state == "equal"
