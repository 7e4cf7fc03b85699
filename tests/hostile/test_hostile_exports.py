"""Exports that cost as much as they can: an answer within seconds, little memory, no parser of another library."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUNNER = Path(__file__).with_name("through_commands.py")

pytestmark = pytest.mark.slow


def varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def part(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx(path: Path, graph: bytes) -> None:
    path.write_bytes(b"\x08\x08" + part(7, graph) + part(8, b"\x10\x12"))


def onnx_of_long_names(path: Path) -> None:
    """A gigabyte of names of a megabyte each, most of it a hole in the file."""
    count, size = 1000, 2**20
    head = varint(1 << 3 | 2) + varint(size)
    node = varint(1 << 3 | 2) + varint(count * (len(head) + size))
    graph = varint(7 << 3 | 2) + varint(len(node) + count * (len(head) + size))
    with path.open("wb") as file:
        file.write(b"\x08\x08" + graph + node)
        for _ in range(count):
            file.write(head)
            file.seek(size, 1)
        file.truncate(file.tell())


def safetensors(path: Path, header: bytes, data_bytes: int = 0) -> None:
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + data_bytes)


def many_tensors(path: Path) -> None:
    one = b'"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    safetensors(path, b"{" + b",".join(one % index for index in range(70_000)) + b"}")


def many_lists(path: Path) -> None:
    safetensors(path, b'{"a":[' + b"[]," * 1_390_000 + b"[]]}")


def one_huge_tensor(path: Path) -> None:
    size = 2**30
    header = json.dumps({"a.weight": {"dtype": "F32", "shape": [size // 4, 1], "data_offsets": [0, size]}})
    safetensors(path, header.encode(), size)


def tflite_of_endless_tables(path: Path) -> None:
    """A vector of as many tables as a file of a gigabyte could list, in a hole."""
    size = 2**30
    content = bytearray(64)
    content[0:8] = (24).to_bytes(4, "little") + b"TFL3"
    content[8:18] = b"".join(number.to_bytes(2, "little") for number in (14, 24, 0, 4, 0))
    content[24:28] = (16).to_bytes(4, "little")
    content[28:32] = (12).to_bytes(4, "little")
    content[40:44] = ((size - 64) // 4).to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(content)
        file.truncate(size)


def openvino(path: Path, xml: str, metadata: str = "") -> None:
    path.mkdir()
    (path / "m.bin").touch()
    (path / "m.xml").write_text(xml)
    if metadata:
        (path / "metadata.yaml").write_text(metadata)


def many_edges(path: Path) -> None:
    layers = "".join(f'<layer id="{index}" name="x{index}" type="Add"/>' for index in range(29_000))
    edges = "".join(
        f'<edge from-layer="{index % 29_000}" to-layer="{index * 7 % 29_000}" to-port="{index}"/>'
        for index in range(99_000)
    )
    openvino(path, f'<net version="11"><layers>{layers}</layers><edges>{edges}</edges></net>')


def many_attributes(path: Path) -> None:
    attributes = " ".join(f'a{index}=""' for index in range(2_000_000))
    openvino(path, f'<net version="11"><layers><layer id="0"><data {attributes}/></layer></layers></net>')


def one_endless_name(path: Path) -> None:
    openvino(path, f'<net version="11" name="{"x" * 60_000_000}"/>')


def long_metadata(path: Path) -> None:
    openvino(path, '<net version="11"/>', "names: [" + "1," * 130_000 + "]")


def ncnn_of_many_layers(path: Path) -> None:
    path.mkdir()
    lines = [f"ReLU r{index} 1 1 a b" for index in range(50_000)]
    (path / "m.ncnn.param").write_text("\n".join(["7767517", f"{len(lines)} 1", *lines, ""]))
    (path / "m.ncnn.bin").touch()


FILES: dict[str, Callable[[Path], None]] = {
    "fields.onnx": lambda path: onnx(path, b"\x18\x01" * 1_000_000),
    "inputs.onnx": lambda path: onnx(path, part(1, part(1, b"abcdefgh") * 390_000)),
    "nodes.onnx": lambda path: onnx(path, part(1, part(1, b"a") + part(2, b"b")) * 99_000),
    "names.onnx": onnx_of_long_names,
    "tensors.safetensors": many_tensors,
    "lists.safetensors": many_lists,
    "deep.safetensors": lambda path: safetensors(path, b'{"a":' + b"[" * 4_000_000),
    "huge.safetensors": one_huge_tensor,
    "tables.tflite": tflite_of_endless_tables,
    "edges_openvino_model": many_edges,
    "attributes_openvino_model": many_attributes,
    "name_openvino_model": one_endless_name,
    "metadata_openvino_model": long_metadata,
    "layers_ncnn_model": ncnn_of_many_layers,
}
# These are odd, but whole; all others must be refused.
_WHOLE = {"inputs.onnx", "nodes.onnx", "tensors.safetensors", "edges_openvino_model", "metadata_openvino_model",
          "layers_ncnn_model"}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_an_answer_within_seconds_and_little_memory(
    name: str, tmp_path: Path, base_env: dict[str, str]
) -> None:
    path = tmp_path / name
    FILES[name](path)
    finished = subprocess.run(
        [sys.executable, RUNNER, tmp_path / "canary", json.dumps(["inspect", "{file}"]), path],
        cwd=tmp_path,
        env=base_env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told: dict[str, Any] = json.loads(finished.stdout)
    (outcome,) = told["outcomes"]
    code, seconds, output = outcome["code"], outcome["seconds"], outcome["out"] + outcome["err"]
    assert code == (0 if name in _WHOLE else 2), output[-300:]
    assert "did not foresee" not in output
    assert "Traceback" not in output
    assert seconds < 5
    assert told["peak_mb"] < 200
    assert told["heavy"] == []
