"""ONNX files: values as the format's own library gives them, precision of the layers, and damaged files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import damaged, read_all, refusal, told
from small_exports import METADATA, onnx_model, values, write_onnx

from yolow.checkpoint.open import open_contents

_FLOAT = 1


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def part(number: int, content: bytes | int) -> bytes:
    """One field of a message."""
    if type(content) is int:
        return varint(number << 3) + varint(content)
    assert isinstance(content, bytes)
    return varint(number << 3 | 2) + varint(len(content)) + content


def model(graph: bytes) -> bytes:
    """A model with this graph."""
    return part(1, 8) + part(7, graph) + part(8, part(2, 18))


def tensor(**fields: bytes | int) -> bytes:
    """An initializer of one float, with fields of `TensorProto` changed or added."""
    numbers = {"dims": 1, "type": 2, "segment": 3, "floats": 4, "ints": 5, "name": 8, "raw": 9, "external": 13,
               "location": 14}  # fmt: skip
    default: dict[str, bytes | int] = {"dims": 1, "type": _FLOAT, "name": b"a", "raw": bytes(4)}
    return part(5, b"".join(part(numbers[name], value) for name, value in (default | fields).items()))


def pair(key: str, value: str) -> bytes:
    return part(1, key.encode()) + part(2, value.encode())


@pytest.mark.parametrize("typed", [False, True], ids=["raw", "typed"])
def test_values_roles_and_layers(tmp_path: Path, typed: bool) -> None:
    path = tmp_path / "small.onnx"
    given = write_onnx(path, typed=typed)
    contents, found = read_all(path)
    assert list(found) == list(given)
    for name, array in given.items():
        np.testing.assert_array_equal(found[name], array)
    assert [(entry.role, entry.module, entry.kind) for entry in contents.entries] == [
        ("weight", "model.0.conv", "Conv"),
        ("bias", "model.0.conv", "Conv"),
        ("weight", "model.1.conv", "Conv"),
        ("weight", "model.2.linear", "MatMul"),
        ("bias", "model.2.linear", "MatMul"),
    ]
    assert {module.path: module.kind for module in contents.modules} == {
        "model.0.conv": "Conv",
        "model.1.conv": "Conv",
        "model.2.linear": "MatMul",
    }
    assert contents.size_bytes == path.stat().st_size


def test_what_ultralytics_wrote_into_it(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    write_onnx(path)
    facts = open_contents(path).facts
    assert facts["names"] == {0: "person", 1: "driver's seat"}
    assert facts["export_args"] == {"batch": 1, "quantize": 8, "dynamic": False, "data": None}
    expected = {"task": "detect", "imgsz": 96, "stride": 32, "end2end": True, "architecture": "yolo26n",
                "version": "8.4.190", "date": METADATA["date"], "license": METADATA["license"],
                "producer": "pytorch", "opset": 18}  # fmt: skip
    assert {key: facts[key] for key in expected} == expected
    assert facts["quantization"] == {"layers_int8": 0, "layers_int8_weights": 0, "layers_float": 3,
                                     "quantize_nodes": 0, "dequantize_nodes": 0}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('touch canary')", "{0: 'a'}.pop(0)", "[" * 2000, "{0: f'{x}'}", "{(): 1}", "'a' 'b'"],
)  # fmt: skip
def test_metadata_are_not_evaluated(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from onnx import helper

    monkeypatch.chdir(tmp_path)
    whole, _ = onnx_model()
    helper.set_model_props(whole, METADATA | {"names": text, "task": "detect\x1b[2J"})
    Path("small.onnx").write_bytes(whole.SerializeToString())
    facts = open_contents(Path("small.onnx")).facts
    assert "names" not in facts
    assert facts["task"] == "detect\x1b[2J"
    assert not Path("canary").exists()


def test_every_type_has_the_values_of_the_official_library(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper

    integers = [
        "UINT8",
        "INT8",
        "UINT16",
        "INT16",
        "INT32",
        "INT64",
        "BOOL",
        "UINT32",
        "UINT64",
        "UINT4",
        "INT4",
    ]
    floats = ["FLOAT", "FLOAT16", "DOUBLE", "BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2",
              "FLOAT8E5M2FNUZ", "FLOAT4E2M1"]  # fmt: skip
    tensors = []
    for name in integers:
        signed = name.startswith("INT")
        numbers = [-8, 7, 3, -1, 0] if signed else [1, 0, 1, 0, 1] if name == "BOOL" else [15, 7, 3, 1, 0]
        tensors.append(helper.make_tensor(name, getattr(TensorProto, name), [5], numbers))
    for name in floats:
        numbers = [0.5, -1.5, 6.0, -0.0, 2.0]
        tensors.append(helper.make_tensor(name, getattr(TensorProto, name), [5], numbers))
    tensors.append(helper.make_tensor("COMPLEX64", TensorProto.COMPLEX64, [2], [1 + 2j, -3j]))
    whole, _ = onnx_model()
    whole.graph.initializer.extend(tensors)
    path = tmp_path / "types.onnx"
    path.write_bytes(whole.SerializeToString())
    _, found = read_all(path)
    for proto in tensors:
        truth = numpy_helper.to_array(proto)
        if truth.dtype.kind == "V" or truth.dtype.itemsize == 1:
            truth = truth.astype(np.float32)
        np.testing.assert_array_equal(found[proto.name].astype(truth.dtype), truth, err_msg=proto.name)


def quantized(path: Path) -> dict[str, Any]:
    """`onnx_model` as onnxruntime quantizes it, the second convolution left out."""
    import logging

    pytest.importorskip("onnxruntime")

    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Images(CalibrationDataReader):  # type: ignore[misc]  # no types upstream
        left = 2

        def get_next(self) -> dict[str, np.ndarray] | None:
            self.left -= 1
            return {"images": values(1, 3, 8, 8, seed=self.left)} if self.left >= 0 else None

    whole, given = onnx_model()
    whole.ir_version = 8
    path.with_name("float.onnx").write_bytes(whole.SerializeToString())
    logging.disable(logging.WARNING)
    quantize_static(
        path.with_name("float.onnx"),
        path,
        Images(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=["/model.1/conv/Conv"],
    )
    logging.disable(logging.NOTSET)
    return given


def test_layers_that_compute_in_8_bits_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "int8.onnx"
    given = quantized(path)
    contents, found = read_all(path)
    assert contents.facts["quantization"]["layers_int8"] == 2
    assert contents.facts["quantization"]["layers_float"] == 1
    assert contents.facts["quantization"]["quantize_nodes"] > 0
    precision = contents.facts["precision"]
    assert precision["model.0.conv"] == {
        "kind": "Conv", "weights": "int8", "activations": "int8", "size_bytes": 108
    }  # fmt: skip
    assert precision["model.1.conv"] == {
        "kind": "Conv", "weights": "float32", "activations": "float", "size_bytes": 64
    }  # fmt: skip
    name = "model.0.conv.weight"
    by_name = {entry.name: entry for entry in contents.entries}
    assert (by_name[f"{name}_quantized"].role, by_name[f"{name}_quantized"].module) == (
        "weight",
        "model.0.conv",
    )
    assert by_name[f"{name}_scale"].role == "buffer"
    real = found[f"{name}_quantized"] * found[f"{name}_scale"].reshape(-1, 1, 1, 1)
    assert np.abs(real - given[name]).max() <= found[f"{name}_scale"].max() / 2 * 1.001


def test_weights_in_constant_nodes_and_subgraphs(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper

    weight, inner = values(4, 3, 3, 3, seed=1), values(20, seed=2)
    branch = helper.make_graph(
        [helper.make_node("Neg", ["inner"], ["out"])],
        "branch",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [20])],
        [numpy_helper.from_array(inner, "inner")],
    )
    nodes = [
        helper.make_node("Constant", [], ["w"], "constant", value=numpy_helper.from_array(weight)),
        helper.make_node("Constant", [], ["s"], "shape", value=numpy_helper.from_array(np.arange(3))),
        helper.make_node("Conv", ["images", "w"], ["c"], "/model.0/conv/Conv"),
        helper.make_node("If", ["flag"], ["i"], "/If", then_branch=branch, else_branch=branch),
    ]
    graph = helper.make_graph(nodes, "main", [], [])
    path = tmp_path / "constants.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    contents, found = read_all(path)
    assert {entry.name: entry.role for entry in contents.entries} == {
        "subgraph1/inner": "buffer",
        "subgraph2/inner": "buffer",
        "w": "weight",
    }
    np.testing.assert_array_equal(found["w"], weight)
    np.testing.assert_array_equal(found["subgraph1/inner"], inner)
    assert contents.facts["subgraphs"] == 2


def test_values_in_another_file_of_the_folder(tmp_path: Path) -> None:
    import onnx

    whole, given = onnx_model()
    path = tmp_path / "small.onnx"
    onnx.save_model(whole, path, save_as_external_data=True, location="small.data", size_threshold=0)
    contents, found = read_all(path)
    for name, array in given.items():
        np.testing.assert_array_equal(found[name], array)
    assert contents.size_bytes == path.stat().st_size + (tmp_path / "small.data").stat().st_size


@pytest.mark.parametrize(
    ("location", "place", "message"),
    [
        ("../secret.bin", {}, "a file of the export leads out of its folder"),
        ("/etc/passwd", {}, "a file of the export leads out of its folder"),
        ("", {}, "a file of the export leads out of its folder"),
        ("a\0b", {}, "a file of the export leads out of its folder"),
        ("link.bin", {}, "a file of the export leads out of its folder"),
        ("sub/../data.bin", {}, "a file of the export leads out of its folder"),
        ("missing.bin", {}, "the weights file is not there"),
        ("sub", {}, "the weights are not a file"),
        ("data.bin", {"offset": "8"}, "a tensor lies outside the file of its values"),
        ("data.bin", {"length": "8"}, "a tensor lies outside the file of its values"),
        ("data.bin", {"offset": "-4"}, "the place of a tensor in another file is no number"),
        ("data.bin", {"offset": "9" * 40}, "the place of a tensor in another file is no number"),
    ],
)  # fmt: skip
def test_values_never_come_from_elsewhere(
    tmp_path: Path, location: str, place: dict[str, str], message: str
) -> None:
    folder = tmp_path / "export"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(bytes(4))
    (folder / "data.bin").write_bytes(bytes(8))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    told_place = {"location": location, "length": "4"} | place
    fields = b"".join(part(13, pair(key, text)) for key, text in told_place.items())
    initializer = part(5, part(1, 1) + part(2, _FLOAT) + part(8, b"a") + fields + part(14, 1))
    path = folder / "m.onnx"
    path.write_bytes(model(initializer))
    assert told(refusal(path)).startswith(message)


def nested(depth: int) -> bytes:
    """A graph in an attribute of a node of a graph in an attribute …."""
    graph = b""
    for _ in range(depth):
        graph = part(1, part(4, b"If") + part(5, part(6, graph)))
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (tensor(dims=2), "a tensor's size contradicts its type and shape"),
        (tensor(dims=2**63), "a tensor has an unknown type or no sensible shape"),
        (tensor(dims=2**62), "a tensor's size contradicts its type and shape"),
        (tensor(dims=varint(1) * 17), "a list in the file is absurdly long"),
        (tensor(type=99), "a tensor has an unknown type or no sensible shape"),
        (tensor(type=0), "a tensor has an unknown type or no sensible shape"),
        (tensor(name=b""), "a tensor of the model has no name, or one that is taken"),
        (tensor() + tensor(), "a tensor of the model has no name, or one that is taken\n.*\na"),
        (tensor(segment=part(1, 1)), "keeps a tensor in segments"),
        (tensor(floats=bytes(4)), "a tensor's values are missing or written in an unknown way"),
        (tensor(raw=1), "a tensor's values are missing or written in an unknown way"),
        (tensor(type=6, raw=b"", dims=1), "a tensor's size contradicts its type and shape"),
        (tensor(name=b"\xff"), "the file is cut short or damaged"),
        (part(15, b""), "sparse tensors"),
        (nested(9), "the graph is nested too deeply"),
        (part(5, b"\x08"), "the file is cut short or damaged"),
        (part(5, b"\x08" + b"\xff" * 12), "the file is cut short or damaged"),
        (b"\x03", "the file is cut short or damaged"),
        (b"\x00", "the file is cut short or damaged"),
        (b"\x18\x01" * 400_001, "the file has absurdly many fields"),
        (part(1, part(4, b"Relu")) * 100_001, "the model is beyond any sensible size"),
    ],
)  # fmt: skip
def test_a_lying_graph_is_refused(tmp_path: Path, graph: bytes, message: str) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(model(graph))
    assert re.search(message, told(refusal(path)))


def test_whole_numbers_of_any_length_are_those_that_were_written(tmp_path: Path) -> None:
    """Negative numbers take ten bytes; fewer numbers than the shape says are found when they are read."""
    path = tmp_path / "ints.onnx"
    numbers = [-1, -(2**31), 2**31 - 1, 0, 127, 128]
    packed = b"".join(varint(number & (2**64 - 1)) for number in numbers)
    path.write_bytes(model(tensor_of_ints(len(numbers), packed)))
    _, found = read_all(path)
    assert found["a"].tolist() == numbers
    path.write_bytes(model(tensor_of_ints(7, packed)))
    assert told(refusal(path)).startswith("a tensor's size contradicts its type and shape")


def tensor_of_ints(count: int, packed: bytes) -> bytes:
    return part(5, part(1, count) + part(2, 6) + part(8, b"a") + part(5, packed))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is not an ONNX model"),
        (b"<html>", "the file is not an ONNX model"),
        (b"PK\x03\x04" + bytes(60), "the file is not an ONNX model"),
        (part(1, 8), "the file is not an ONNX model\n.*\nit has no graph, or several"),
        (part(1, 8) + part(7, b"") * 2, "the file is not an ONNX model\n.*\nit has no graph, or several"),
        (part(7, b"") + part(8, b""), "the file is not an ONNX model"),
        (part(1, 8) + part(7, b""), "the file is cut short: it does not say of which version"),
        (model(b"")[:-1], "the file is cut short or damaged"),
    ],
)  # fmt: skip
def test_what_is_no_model(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "odd.onnx"
    path.write_bytes(content)
    assert re.search(message, told(refusal(path)))


def test_every_truncation_is_refused_unless_only_metadata_are_lost(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    whole, given = onnx_model()
    path.write_bytes(whole.SerializeToString())
    content = path.read_bytes()
    passed = []
    for size in range(len(content)):
        path.write_bytes(content[:size])
        if refusal(path) is None:
            passed.append(size)
    # Protobuf has no end: a file that was cut between two of the fields that follow the graph is whole.
    assert len(passed) == len(METADATA)
    assert min(passed) > len(content) - len(str(METADATA)) - 100
    path.write_bytes(content[: passed[0]])
    assert read_all(path)[1].keys() == given.keys()


@pytest.mark.parametrize("build", [lambda: onnx_model()[0], lambda: onnx_model(typed=True)[0]])
def test_damage_never_ends_in_anything_but_an_error(tmp_path: Path, build: Callable[[], Any]) -> None:
    path = tmp_path / "small.onnx"
    errors = 0
    for content in damaged(build().SerializeToString(), times=500):
        path.write_bytes(content)
        errors += refusal(path) is not None
    assert errors > 250
