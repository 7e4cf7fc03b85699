"""TFLite files: values as an independent reader finds them, scales, metadata, and hostile flatbuffers."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import damaged, read_all, refusal, told
from small_tflite import archive, write_tflite

from yolow.checkpoint.open import open_contents
from yolow.checkpoint.tflite_operations import operation_name


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "small.tflite"
    write_tflite(path)
    return path


def test_values_roles_and_layers(tmp_path: Path) -> None:
    path = tmp_path / "small.tflite"
    given = write_tflite(path)
    contents, found = read_all(path)
    assert list(found) == list(given)
    for name, array in given.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    conv, linear = "model.0.conv.Conv2D", "model.1.linear.MatMul"
    assert [(entry.role, entry.module, entry.kind) for entry in contents.entries] == [
        ("weight", conv, "CONV_2D"),
        ("bias", conv, "CONV_2D"),
        ("weight", linear, "FULLY_CONNECTED"),
        ("bias", linear, "FULLY_CONNECTED"),
    ]
    assert {module.path: module.kind for module in contents.modules} == {
        conv: "CONV_2D",
        linear: "FULLY_CONNECTED",
    }


def test_an_independent_reader_finds_the_same(export: Path) -> None:
    import tflite

    model = tflite.Model.GetRootAsModel(export.read_bytes(), 0)
    graph = model.Subgraphs(0)
    _, found = read_all(export)
    official = {}
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        data = model.Buffers(tensor.Buffer()).DataAsNumpy()
        if tensor.Buffer():
            official[tensor.Name().decode()] = data.tobytes()
    assert {name: array.tobytes() for name, array in found.items()} == official


def test_scales_and_precision(export: Path) -> None:
    facts = open_contents(export).facts
    assert facts["quantization"] == {
        "layers_int8": 1, "layers_int8_weights": 0, "layers_float": 1,
        "quantized_tensors": 4, "scales": 10, "zero_points": 10, "per_channel_tensors": 2,
    }  # fmt: skip
    assert facts["precision"]["model.0.conv.Conv2D"] == {
        "kind": "CONV_2D", "weights": "int8", "activations": "int8", "size_bytes": 108
    }  # fmt: skip
    assert facts["precision"]["model.1.linear.MatMul"]["weights"] == "float32"
    assert (facts["schema_version"], facts["producer"]) == (3, "MLIR Converted.")


def test_metadata_that_ultralytics_appended(tmp_path: Path) -> None:
    path = tmp_path / "small.tflite"
    write_tflite(
        path, {"task": "detect", "names": {"0": "panel", "1": "roof"}, "imgsz": [64, 96], "stride": 32}
    )
    facts = open_contents(path).facts
    expected = {"task": "detect", "names": {0: "panel", 1: "roof"}, "imgsz": 96, "stride": 32}
    assert {key: facts[key] for key in expected} == expected


def packed(content: bytes, name: str = "metadata.json", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        file.writestr(name, content)
    return stream.getvalue()


def test_metadata_of_before_are_read_and_labels_are_not(export: Path) -> None:
    model = export.read_bytes()
    export.write_bytes(model + packed(b"{'task': 'pose', 'names': {0: 'x'}}", "temp_meta.txt"))
    assert open_contents(export).facts["task"] == "pose"
    export.write_bytes(model + packed(b"person\ncar\n", "labels.txt"))
    assert "names" not in open_contents(export).facts


@pytest.mark.parametrize(
    ("appended", "message"),
    [
        (packed(b"x" * 2**20), "the metadata at the end of the file are absurdly large"),
        (packed(b"{}", method=zipfile.ZIP_BZIP2), "the metadata at the end of the file are packed in an unusual way"),
        (packed(b"{}", method=zipfile.ZIP_LZMA), "the metadata at the end of the file are packed in an unusual way"),
        (packed(b"{"), "the metadata at the end of the file are damaged"),
        (packed(b"[" * 100_000), "the metadata at the end of the file are damaged"),
        (packed(b"{}").replace(b"PK\x01\x02", b"PK\x01\x03"), "the metadata at the end of the file are damaged"),
        (packed(b'{"a": 1}', method=zipfile.ZIP_STORED).replace(b'{"a"', b'{"b"', 1), "are damaged\n.*\nBad CRC-32"),
        (struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, 0, 0, 0), "is absurdly large"),
        (struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 2**31, 0, 0), "is absurdly large"),
        (struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46, 2**31, 0), "are damaged"),
    ],
)  # fmt: skip
def test_hostile_metadata_are_refused(export: Path, appended: bytes, message: str) -> None:
    export.write_bytes(export.read_bytes() + appended)
    error = told(refusal(export))
    assert re.search(message, error), error


def test_no_metadata_and_an_empty_archive_are_no_mistake(export: Path) -> None:
    model = export.read_bytes()
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    for appended in (b"", empty.getvalue(), archive({"names": 5, "task": ["x"], "imgsz": "{}"})):
        export.write_bytes(model + appended)
        facts = open_contents(export).facts
        assert not {"names", "task", "imgsz"} & facts.keys()


class Layout:
    """Where the parts of a flatbuffer stand."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.root = self.offset(0)

    def offset(self, position: int) -> int:
        """What an offset refers to."""
        return int(position + struct.unpack_from("<I", self.content, position)[0])

    def field(self, table: int, number: int) -> int:
        """Where a field of a table stands."""
        directory = table - struct.unpack_from("<i", self.content, table)[0]
        return int(table + struct.unpack_from("<H", self.content, directory + 4 + 2 * number)[0])

    def vector(self, table: int, number: int) -> int:
        """Where the count of a vector stands; its items follow."""
        return self.offset(self.field(table, number))

    def item(self, vector: int, index: int) -> int:
        """A table of a vector."""
        return self.offset(vector + 4 + 4 * index)


def put(content: bytearray, position: int, value: int, form: str = "<I") -> None:
    struct.pack_into(form, content, position, value)


def _graph(layout: Layout) -> int:
    return layout.item(layout.vector(layout.root, 2), 0)


def _weight(layout: Layout) -> int:
    return layout.item(layout.vector(_graph(layout), 0), 1)


def _operator(layout: Layout) -> int:
    return layout.item(layout.vector(_graph(layout), 3), 0)


def _buffer(layout: Layout) -> int:
    return layout.item(layout.vector(layout.root, 4), 1)


HOSTILE: dict[str, tuple[Callable[[bytearray, Layout], None], str]] = {
    "root outside": (lambda b, _: put(b, 0, 2**32 - 1), "cut short or damaged"),
    "root in the header": (lambda b, _: put(b, 0, 0), "cut short or damaged"),
    "directory outside": (lambda b, at: put(b, at.root, -(2**31), "<i"), "cut short or damaged"),
    "directory in itself": (lambda b, at: put(b, at.root, 0, "<i"), "cut short or damaged"),
    "field outside its table": (
        lambda b, at: put(b, at.root - struct.unpack_from("<i", b, at.root)[0] + 4 + 2 * 2, 60000, "<H"),
        "cut short or damaged\n.*\ntable at byte",
    ),
    "field before its table": (
        lambda b, at: put(b, at.root - struct.unpack_from("<i", b, at.root)[0] + 4 + 2 * 2, 2, "<H"),
        "cut short or damaged\n.*\ntable at byte",
    ),
    "graphs without end": (lambda b, at: put(b, at.vector(at.root, 2), 2**32 - 1), "cut short.*\n.*\nvector at byte"),
    "tensors without end": (lambda b, at: put(b, at.vector(_graph(at), 0), 2**31), "cut short.*\n.*\nvector at byte"),
    "a tensor in place of a graph": (
        lambda b, at: put(b, at.vector(at.root, 2) + 4, _weight(at) - (at.vector(at.root, 2) + 4)),
        "cut short or damaged",
    ),
    "an offset that runs backwards": (
        lambda b, at: put(b, at.vector(at.root, 2) + 4, (at.root - at.vector(at.root, 2) - 4) % 2**32),
        "cut short or damaged",
    ),
    "a shape without end": (lambda b, at: put(b, at.vector(_weight(at), 0), 2**30), "cut short.*\n.*\nvector at byte"),
    "a shape of other size": (
        lambda b, at: put(b, at.vector(_weight(at), 0) + 4, 5),
        "size contradicts its type and shape\n.*\nmodel.0/conv/weight",
    ),
    "a negative size": (
        lambda b, at: put(b, at.vector(_weight(at), 0) + 4, -4, "<i"),
        "size contradicts its type and shape\n.*\nmodel.0/conv/weight",
    ),
    "a buffer that is not there": (
        lambda b, at: put(b, at.field(_weight(at), 2), 99),
        "names values that are not there\n.*\nmodel.0/conv/weight",
    ),
    "a buffer without end": (
        lambda b, at: put(b, at.vector(_buffer(at), 0), 2**32 - 1),
        "cut short.*\n.*\nvector at byte",
    ),
    "a name without end": (lambda b, at: put(b, at.vector(_weight(at), 3), 2**20), "cut short.*\n.*\nvector at byte"),
    "an input that is not there": (
        lambda b, at: put(b, at.vector(_operator(at), 1) + 4, 77),
        "an operation names a type or a tensor that is not there",
    ),
    "an input below none": (
        lambda b, at: put(b, at.vector(_operator(at), 1) + 4, -2, "<i"),
        "an operation names a type or a tensor that is not there",
    ),
    "no text": (lambda b, at: put(b, at.vector(_weight(at), 3) + 4, 0xFFFFFFFF), "cut short.*\n.*\ntext at byte"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_offsets_and_counts_are_checked_before_they_are_followed(export: Path, name: str) -> None:
    patch, message = HOSTILE[name]
    content = bytearray(export.read_bytes())
    patch(content, Layout(bytes(content)))
    export.write_bytes(content)
    error = told(refusal(export))
    assert re.search(message, error), error


def test_one_table_in_place_of_thousands(export: Path) -> None:
    """Offsets of one vector may all lead to the same table; what is looked at is bounded all the same."""
    content = bytearray(export.read_bytes())
    at = Layout(bytes(content))
    vector, count = len(content), 200_000
    empty_table = vector + 4 + 4 * count + 4
    content += struct.pack("<I", count)
    content += b"".join(struct.pack("<I", empty_table - (vector + 4 + 4 * index)) for index in range(count))
    content += struct.pack("<HHi", 4, 4, 4)
    field = at.field(at.root, 4)
    put(content, field, vector - field)
    export.write_bytes(content)
    assert told(refusal(export)).startswith("the file is beyond any sensible size")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 7, b"PK\x03\x04" + bytes(60), b"\x10\0\0\0TFL2" + bytes(60)]
)
def test_what_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.tflite"
    path.write_bytes(content)
    assert told(refusal(path)) == f"the file is not a TFL3 flatbuffer\n{path}"


def test_truncations(export: Path) -> None:
    """Values lie at the end of the file, so that nearly every cut loses some."""
    content = export.read_bytes()
    for size in range(len(content) - 4):
        export.write_bytes(content[:size])
        assert refusal(export) is not None, f"{size} of {len(content)} bytes"


def test_damage_never_ends_in_anything_but_an_error(tmp_path: Path) -> None:
    path = tmp_path / "small.tflite"
    write_tflite(path, {"names": {"0": "x"}})
    errors = 0
    for content in damaged(path.read_bytes(), times=800):
        path.write_bytes(content)
        errors += refusal(path) is not None
    assert errors > 300


def test_names_of_operations_are_those_of_the_schema() -> None:
    import tflite

    known: dict[str, Any] = {
        name: number for name, number in vars(tflite.BuiltinOperator).items() if not name.startswith("_")
    }
    assert len(known) > 150
    assert {operation_name(number, "") for number in known.values()} == set(known)
    assert all(operation_name(number, "") == name for name, number in known.items())
    assert operation_name(32, "TFLite_Detection_PostProcess") == "TFLite_Detection_PostProcess"
    assert operation_name(9999, "") == "OPERATION_9999"
    assert operation_name(-1, "") == "OPERATION_-1"


def test_json_of_the_facts_is_plain(tmp_path: Path) -> None:
    path = tmp_path / "small.tflite"
    write_tflite(path, {"args": {"fraction": float("nan"), "batch": 1}, "stride": float("inf")})
    facts = open_contents(path).facts
    assert facts["export_args"] == {"fraction": "nan", "batch": 1}
    json.dumps(facts, allow_nan=False)
