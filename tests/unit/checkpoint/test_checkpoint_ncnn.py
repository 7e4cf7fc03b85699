"""NCNN folders: values where the runtime itself finds them, and damaged files."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damage import damaged, read_all, refusal, told
from harness import Yolow
from small_exports import values, write_ncnn

from yolow.checkpoint.ncnn_layers import WITHOUT_BLOBS, blobs_of
from yolow.checkpoint.open import open_contents

Edit = Callable[[str], str]

# Forms of the layers that have blobs, as lines of a .param without their inputs and outputs.
FORMS = """
Convolution 0=4 1=3 6=72 5=1
Convolution 0=4 1=3 11=5 6=120 5=0
Convolution 0=4 1=3 6=72 5=1 8=2
Convolution 0=4 1=3 6=72 5=0 8=102
Convolution1D 0=4 1=3 6=24 5=1
Convolution3D 0=4 1=3 6=216 5=1
Convolution3D 0=4 1=3 11=2 21=5 6=240 5=1
ConvolutionDepthWise 0=4 1=3 6=36 7=4 5=1
ConvolutionDepthWise 0=4 1=3 6=36 7=4 5=1 8=1
ConvolutionDepthWise 0=4 1=3 6=36 7=4 5=1 8=2
ConvolutionDepthWise 0=4 1=3 6=36 7=4 5=0 8=101
ConvolutionDepthWise 0=4 1=3 6=36 7=4 5=0 8=102
ConvolutionDepthWise1D 0=4 1=3 6=12 7=4 5=1
ConvolutionDepthWise3D 0=4 1=3 6=108 7=4 5=1
Deconvolution 0=4 1=2 6=32 5=1
Deconvolution1D 0=4 1=2 6=16 5=1
Deconvolution3D 0=4 1=2 6=64 5=1
DeconvolutionDepthWise 0=4 1=2 6=16 7=4 5=1
DeconvolutionDepthWise1D 0=4 1=2 6=8 7=4 5=1
DeconvolutionDepthWise3D 0=4 1=2 6=32 7=4 5=1
InnerProduct 0=4 1=1 2=20
InnerProduct 0=4 1=0 2=20
InnerProduct 0=4 1=1 2=20 8=2
BatchNorm 0=5 1=1e-03
LayerNorm 0=5 1=1e-03 2=1
LayerNorm 0=5 1=1e-03 2=0
InstanceNorm 0=5 1=1e-03 2=1
InstanceNorm 0=5 1=1e-03 2=0
GroupNorm 0=2 1=6 2=1e-03 3=1
GroupNorm 0=2 1=6 2=1e-03 3=0
RMSNorm 0=5 1=1e-03 2=1
RMSNorm 0=5 1=1e-03 2=0
PReLU 0=5
Scale 0=5 1=1
Scale 0=5 1=0
Scale 0=-233
Bias 0=5
MemoryData 0=3 1=4
MemoryData 0=3 1=4 2=5
MemoryData 0=3 1=4 11=2 2=5
MemoryData 0=3 21=0
""".strip().splitlines()
# Parameters without which the runtime doesn't load a layer.
_NEEDED = {
    "Pooling": "1=2", "Pooling1D": "1=2", "Pooling3D": "1=2", "Reshape": "0=-1", "Unfold": "1=3",
    "Fold": "1=3 20=4", "Einsum": "-23300=4,105,45,62,105",
}  # fmt: skip
_SENTINEL = np.array([7, 8, 9], np.float32)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "small_ncnn_model"
    write_ncnn(folder)
    return folder


def test_values_are_those_that_were_given(tmp_path: Path) -> None:
    folder = tmp_path / "small_ncnn_model"
    given = write_ncnn(folder)
    contents, found = read_all(folder)
    assert list(found) == list(given)
    for name, array in given.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array)
    roles = {entry.name: entry.role for entry in contents.entries}
    assert roles["conv_0.weight"] == roles["conv_1.weight"] == "weight"
    assert (roles["bn_2.weight"], roles["bn_2.bias"], roles["bn_2.running_var"]) == (
        "norm_weight", "norm_bias", "buffer"
    )  # fmt: skip
    assert [(module.path, module.kind) for module in contents.modules] == [
        ("conv_0", "Convolution"), ("conv_1", "Convolution"), ("bn_2", "BatchNorm"), ("anchors", "MemoryData")
    ]  # fmt: skip
    facts = contents.facts
    assert (facts["operations"], facts["task"], facts["names"]) == (
        6,
        "detect",
        {0: "person", 1: "driver's seat"},
    )
    assert facts["quantization"] == {"layers_int8": 1, "layers_int8_weights": 0, "layers_float": 1}
    assert facts["precision"]["conv_0"]["weights"] == "float16"
    assert facts["precision"]["conv_1"] == {
        "kind": "Convolution", "weights": "int8", "activations": "int8", "size_bytes": 20
    }  # fmt: skip


def test_the_runtime_computes_with_the_values_that_are_read(tmp_path: Path) -> None:
    ncnn = pytest.importorskip("ncnn")

    folder = tmp_path / "conv_ncnn_model"
    folder.mkdir()
    weight, bias, image = values(2, 3, 1, 1, seed=1), values(2, seed=2), values(3, 4, 4, seed=3)
    param = "7767517\n2 2\nInput in 0 1 in\nConvolution conv 1 1 in out 0=2 1=1 5=1 6=6\n"
    (folder / "model.ncnn.param").write_text(param)
    (folder / "model.ncnn.bin").write_bytes(bytes(4) + weight.tobytes() + bias.tobytes())
    _, found = read_all(folder)
    network = ncnn.Net()
    assert network.load_param(str(folder / "model.ncnn.param")) == 0
    assert network.load_model(str(folder / "model.ncnn.bin")) == 0
    extractor = network.create_extractor()
    extractor.input("in", ncnn.Mat(image))
    _, result = extractor.extract("out")
    read = (
        np.einsum("oi,ihw->ohw", found["conv.weight"][:, :, 0, 0], image) + found["conv.bias"][:, None, None]
    )
    np.testing.assert_allclose(np.array(result), read, atol=1e-2)


@pytest.mark.parametrize("form", FORMS)
def test_blobs_have_the_sizes_that_the_runtime_reads(tmp_path: Path, form: str) -> None:
    """What follows a layer in the .bin is found by the runtime where it is written by this module's rules."""
    kind, *words = form.split()
    parameters = {
        int(key): int(value) for key, value in (word.split("=") for word in words) if "e" not in value
    }
    data = b""
    blobs = blobs_of(kind, parameters)
    assert blobs is not None
    for blob in blobs:
        count = math.prod(blob.shape)
        if blob.flagged and parameters.get(8):
            data += (0x000D4B38).to_bytes(4, "little") + b"\1" * count + bytes(-count % 4)
        else:
            data += bytes(4 if blob.flagged else 0) + np.ones(count, np.float32).tobytes()
    assert_runtime_finds_sentinel(tmp_path, form, data)


@pytest.mark.parametrize("kind", sorted(WITHOUT_BLOBS))
def test_layers_without_blobs_have_none_for_the_runtime(tmp_path: Path, kind: str) -> None:
    assert_runtime_finds_sentinel(tmp_path, f"{kind} {_NEEDED.get(kind, '')}", b"")


def assert_runtime_finds_sentinel(folder: Path, form: str, data: bytes) -> None:
    ncnn = pytest.importorskip("ncnn")

    kind, *words = form.split()
    inputs = 0 if kind in ("MemoryData", "Input") else 2 if "0=-233" in words else 1
    taken = [f"in{index}" for index in range(inputs)]
    lines = [*(f"Input {name} 0 1 {name}" for name in taken)]
    lines.append(" ".join([kind, "x", str(inputs), "1", *taken, "out", *words]))
    lines.append(f"MemoryData y 0 1 y 0={len(_SENTINEL)}")
    (folder / "m.param").write_text("\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines, ""]))
    (folder / "m.bin").write_bytes(data + _SENTINEL.tobytes())
    network = ncnn.Net()
    assert network.load_param(str(folder / "m.param")) == 0
    assert network.load_model(str(folder / "m.bin")) == 0
    _, found = network.create_extractor().extract("y")
    np.testing.assert_array_equal(np.array(found), _SENTINEL)
    # And by this project's reader.
    (folder / "m.param").rename(folder / "m.ncnn.param")
    (folder / "m.bin").rename(folder / "m.ncnn.bin")
    np.testing.assert_array_equal(read_all(folder / "m.ncnn.param")[1]["y.data"], _SENTINEL)


def test_a_layer_of_unknown_layout_ends_the_reading_and_is_told(export: Path) -> None:
    param = export / "model.ncnn.param"
    param.write_text(param.read_text().replace("BatchNorm        bn_2", "LSTM             bn_2"))
    contents = open_contents(export)
    assert contents.facts["unread"] == {"layer": "bn_2", "kind": "LSTM", "size_bytes": 4 * 5 * 4 + 40}
    assert [entry.name for entry in contents.entries][-1] == "conv_1.input_scale"


def test_the_screen_says_what_was_not_read(export: Path, run_yolow: Yolow) -> None:
    param = export / "model.ncnn.param"
    param.write_text(param.read_text().replace("BatchNorm        bn_2", "LSTM             bn_2"))
    (export / "run_ncnn.py").touch()
    finished = run_yolow("inspect", export, cwd=export.parent)
    assert (finished.code, finished.err) == (0, "")
    lines = finished.out.splitlines()
    assert lines[0].endswith("small_ncnn_model  detect, yolo26n, 2 classes")
    assert "not read        0.0 MB from the layer bn_2 on: the layout of LSTM is not known" in lines
    assert "code beside it  run_ncnn.py: not a part of the network, and not run here" in lines
    assert "precision     layers: 1 int8, 1 float" in lines
    assert "stayed float  conv_0" in lines
    assert "conv_1 Convolution       20       -        6  0.0   15.2%  int8" in lines


def replaced(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (replaced("7767517", "7767518"), "is not an NCNN .param\n.*\nits first line is not 7767517"),
        (lambda text: "", "is not an NCNN .param"),
        (lambda text: "7767517", "line 2: two counts should be here"),
        (replaced("6 6", "6"), "line 2: two counts should be here"),
        (replaced("6 6", "7 6"), "line 2 tells of 7 layers, 6 are there"),
        (replaced("6 6", "-6 6"), "line 2 tells of -6 layers, 6 are there"),
        (lambda text: "7767517\n50001 1\n" + "Noop a 0 0\n" * 50_001, "line 2 tells of 50001 layers"),
        (replaced("0 1 in0", "99999 1 in0"), "line 3: blobs are missing"),
        (replaced("0 1 in0", "-1 1 in0"), "line 3: no layer"),
        (replaced("relu_0", "conv_0"), "has two layers of one name"),
        (replaced("0=4 1=3", "0=4 0=4 1=3"), "line 4: parameter 0 is given twice"),
        (replaced("6=108", "6=109"), "parameters contradict each other\n.*\nconv_0"),
        (replaced("6=108", "6=0"), "parameters contradict each other\n.*\nconv_0"),
        (replaced("0=4 1=3", "0=-4 1=-3"), "parameters contradict each other\n.*\nconv_0"),
        (replaced("0=5 1=2", "0=-5 1=-2"), "parameters contradict each other\n.*\nanchors"),
        (replaced("0=4 1=3", "0=1.5 1=3"), "parameters contradict each other\n.*\nconv_0"),
        (replaced("0=5 1=1.0", "0=2000000000 1=1.0"), "the file of the values is cut short\n.*\nbn_2 lies outside it"),
        (replaced("0=5 1=2", "0=5 1=1"), "has bytes that belong to no layer\n.*\n20 bytes at the end"),
        (replaced("5=1 6=108", "5=0 6=108"), "written in an unknown way\n.*\nconv_1: flag 0x"),
    ],
)  # fmt: skip
def test_a_lying_param_is_refused(export: Path, edit: Edit, message: str) -> None:
    param = export / "model.ncnn.param"
    param.write_text(edit(param.read_text()))
    error = told(refusal(export))
    assert re.search(message, error), error


def test_a_binary_or_huge_param_is_refused(export: Path) -> None:
    param = export / "model.ncnn.param"
    param.write_bytes(b"\x9d\x86\x76\x00" + bytes(range(256)))
    assert told(refusal(export)).startswith("the model's .param is not a text")
    with param.open("r+b") as file:
        file.truncate(2**30)
    assert told(refusal(export)) == f"the model's .param is absurdly large\n{param}\n1073741824 bytes"


def test_every_truncation_is_refused(export: Path) -> None:
    for name in ("model.ncnn.param", "model.ncnn.bin"):
        content = (export / name).read_bytes()
        for size in range(0, len(content.rstrip(b"\n")), 3):
            (export / name).write_bytes(content[:size])
            assert refusal(export) is not None, f"{name}: {size}"
        (export / name).write_bytes(content)


def test_more_bytes_than_layers_are_refused(export: Path) -> None:
    with (export / "model.ncnn.bin").open("ab") as file:
        file.write(bytes(3))
    assert told(refusal(export)).endswith("3 bytes at the end")


@pytest.mark.parametrize("name", ["model.ncnn.param", "model.ncnn.bin", "metadata.yaml"])
def test_no_file_of_a_folder_may_lie_elsewhere(export: Path, name: str) -> None:
    shutil.move(export / name, export.parent / name)
    (export / name).symlink_to(export.parent / name)
    assert told(refusal(export)) == f"a file of the export leads out of its folder\n{export}: {name}"


def test_damage_never_ends_in_anything_but_an_error(export: Path) -> None:
    for name in ("model.ncnn.param", "model.ncnn.bin"):
        content = (export / name).read_bytes()
        errors = 0
        for changed in damaged(content, times=300) if b"=" in content else flipped(content):
            (export / name).write_bytes(changed)
            errors += refusal(export) is not None
        assert errors > 40
        (export / name).write_bytes(content)


def flipped(content: bytes) -> list[bytes]:
    """One byte after the other inverted."""
    return [
        content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]
        for place in range(0, len(content))
        if place < 64 or place % 5 == 0
    ]


def test_forms_without_blobs_and_without_known_layout() -> None:
    weights_from_elsewhere = {0: 4, 1: 3, 6: 108, 5: 1, 19: 1}
    assert blobs_of("Convolution", weights_from_elsewhere) == []
    assert blobs_of("Deconvolution", {0: 4, 1: 2, 6: 32, 8: 1}) is None  # the runtime has no 8-bit form of it
    assert blobs_of("NoSuchLayer", {}) is None
