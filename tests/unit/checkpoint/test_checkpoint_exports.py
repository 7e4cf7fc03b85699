"""Exports of a real network in every form that Ultralytics, NNCF and onnxruntime write, against torch's values."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import pytest
from damage import read_all
from harness import Yolow
from real_checkpoints import run_with_ultralytics

from yolow.checkpoint.compare import compare
from yolow.checkpoint.open import open_contents

pytestmark = pytest.mark.slow

Fused = dict[str, np.ndarray]

# Equal tensors are kept once: all three box heads start with the same four biases.
PARAMETERS, EQUAL_BIASES = 2_408_932, 8
FLOATS = ["tiny.onnx", "tiny_openvino_model", "half_openvino_model"]
INTEGERS = ["int8.onnx", "int8_openvino_model", "packed_openvino_model"]
FIRST = "model.0.conv"


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("onnx", "onnxruntime", "openvino", "nncf"):
        # Not `importorskip`: importing some of them would report their use to their makers.
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    folder = tmp_path_factory.mktemp("exports")
    run_with_ultralytics("build_exports.py", folder)
    return folder


@pytest.fixture(scope="module")
def fused(exports: Path) -> Fused:
    """torch's parameters after `fuse()`, of the head that an export keeps."""
    with np.load(exports / "fused.npz") as archive:
        return dict(archive)


@pytest.mark.parametrize("name", FLOATS)
def test_parameters_are_those_of_the_fused_network(exports: Path, fused: Fused, name: str) -> None:
    contents, found = read_all(exports / name)
    parameters = [entry for entry in contents.entries if entry.role != "buffer"]
    assert sum(entry.values for entry in parameters) == PARAMETERS
    assert {entry.name for entry in parameters} == fused.keys()
    kept = np.float16 if name.startswith("half") else np.float32
    for entry in parameters:
        truth = fused[entry.name].astype(kept)
        assert found[entry.name].dtype == kept
        # Exporters fold the normalisations once more, in their own order of operations.
        np.testing.assert_allclose(
            found[entry.name].reshape(truth.shape), truth, rtol=1e-3, atol=1e-6, err_msg=entry.name
        )
    shared = [entry for entry in parameters if entry.shared_with is not None]
    assert sum(entry.values for entry in shared) == EQUAL_BIASES
    assert contents.facts["quantization"]["layers_float"] == len(contents.facts["precision"]) == 102


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_stand_for_the_weights_of_the_fused_network(exports: Path, fused: Fused, name: str) -> None:
    contents, found = read_all(exports / name)
    suffix = "_quantized" if name.endswith(".onnx") else ""
    checked = 0
    for key, layer in contents.facts["precision"].items():
        if layer["weights"] not in ("int8", "uint8"):
            continue
        weight = f"{key}.weight"
        truth = fused[weight]
        scale = found[f"{weight}_scale"].astype(np.float64).reshape(-1, 1, 1, 1)
        zero = found.get(f"{weight}_zero_point", np.zeros(1)).astype(np.float64).reshape(-1, 1, 1, 1)
        real = (found[f"{weight}{suffix}"].reshape(truth.shape) - zero) * scale
        # Scales in half precision are off by 2^-11 of their value.
        assert (np.abs(real - truth) <= scale * 0.51 + np.abs(truth) / 1024 + 1e-9).all(), weight
        checked += 1
    assert checked == (102 if name.startswith("packed") else 101)


def test_precision_is_told_for_each_layer(exports: Path) -> None:
    for name in ("int8.onnx", "int8_openvino_model"):
        facts = open_contents(exports / name).facts
        counts = facts["quantization"]
        assert (counts["layers_int8"], counts["layers_int8_weights"], counts["layers_float"]) == (101, 0, 1)
        floats = [key for key, layer in facts["precision"].items() if layer["activations"] == "float"]
        assert floats == [FIRST]
        assert facts["precision"][FIRST]["weights"] == "float32"
    packed = open_contents(exports / "packed_openvino_model").facts
    assert packed["quantization"]["layers_int8_weights"] == 102
    assert {layer["weights"] for layer in packed["precision"].values()} == {"uint8"}


def test_facts_are_those_that_the_tools_wrote(exports: Path) -> None:
    for name in ("tiny.onnx", "int8.onnx", "tiny_openvino_model"):
        facts = open_contents(exports / name).facts
        assert len(facts["names"]) == 80
        assert (facts["task"], facts["imgsz"], facts["stride"]) == ("detect", 64, 32)
        assert facts["architecture"] == "yolo26n"
        json.dumps(facts, allow_nan=False)
    nncf = open_contents(exports / "int8_openvino_model").facts["nncf"]
    assert nncf["quantization"]["preset"] == "mixed"
    assert nncf["quantization"]["subset_size"] == "2"
    packed = open_contents(exports / "packed_openvino_model").facts["nncf"]
    assert packed["weight_compression"]["mode"] == "int8_asym"


def test_an_integer_export_compares_with_its_float_parent(exports: Path) -> None:
    comparison = compare(open_contents(exports / "tiny.pt"), open_contents(exports / "int8_openvino_model"))
    noise = [
        change.signal_to_noise_db
        for change in comparison.tensors
        if change.name.endswith(".weight") and change.signal_to_noise_db is not None
    ]
    assert len(noise) >= 100
    assert min(noise) > 30


def test_reading_is_fast(exports: Path) -> None:
    for name in (*FLOATS, *INTEGERS):
        start = time.perf_counter()
        open_contents(exports / name)
        assert time.perf_counter() - start < 0.5, name


def test_the_screen_of_an_integer_export(exports: Path, run_yolow: Yolow) -> None:
    finished = run_yolow("inspect", "int8_openvino_model", cwd=exports)
    assert (finished.code, finished.err) == (0, "")
    lines = finished.out.splitlines()
    assert "parameters  2,400,160   8,772  2,408,932" in lines
    assert "precision     layers: 101 int8, 1 float" in lines
    assert "stayed float  model.0.conv" in lines
    assert any(line.startswith("quantized by  NNCF ") and "preset mixed" in line for line in lines)
    assert any(line.split()[:2] == ["model.0", "432"] and line.endswith("float32") for line in lines)
    assert any(line.split()[:2] == ["model.1", "4,608"] and line.endswith("int8") for line in lines)
    stats = run_yolow("inspect", "int8_openvino_model", "--stats", cwd=exports).out.splitlines()
    assert any(line.split() == ["model.1.conv", "Convolution", "int8", "int8", "4.6"] for line in stats)
    assert any(line.split() == [FIRST, "Convolution", "float32", "float", "1.7"] for line in stats)
