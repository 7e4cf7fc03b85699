"""safetensors files: values as written, and nothing but what the specification allows."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import damaged, read_all, refusal, told
from small_exports import write_safetensors

from yolow.checkpoint.contents import Contents
from yolow.errors import WeightsError, WeightsNotFoundError

Header = dict[str, Any]


def write(path: Path, header: Header | bytes, data: bytes = b"") -> Path:
    text = header if type(header) is bytes else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def tensor(dtype: str, shape: list[int], start: int, end: int) -> Header:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_values_and_roles_are_those_that_were_written(tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    metadata = {"format": "pt", "task": "detect", "names": "{0: 'panel'}"}
    given = write_safetensors(path, metadata)
    contents, values = read_all(path)
    assert values.keys() == given.keys()
    for name, array in given.items():
        assert values[name].dtype == array.dtype, name
        np.testing.assert_array_equal(values[name], array)
    assert {entry.name: entry.role for entry in contents.entries} == {
        "model.0.conv.weight": "weight",
        "model.0.bn.weight": "norm_weight",
        "model.0.bn.bias": "norm_bias",
        "model.0.bn.running_mean": "buffer",
        "model.0.bn.num_batches_tracked": "buffer",
        "model.1.linear.weight": "weight",
        "model.1.linear.bias": "bias",
        "model.1.mask": "buffer",
        "model.1.empty": "buffer",
    }
    assert (contents.format, contents.size_bytes) == ("safetensors", path.stat().st_size)
    assert contents.facts == {"task": "detect", "names": {0: "panel"}, "metadata": metadata}


def test_every_type_of_torch_keeps_its_values(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    codes = torch.arange(256, dtype=torch.uint8)
    types = [
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.float8_e4m3fnuz,
        torch.float8_e5m2fnuz,
        torch.float8_e8m0fnu,
    ]
    tensors = {str(dtype).removeprefix("torch."): codes.clone().view(dtype) for dtype in types}
    noise = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 100
    plain = (
        "bfloat16 float16 float32 float64 int8 int16 int32 int64 bool uint8 uint16 uint32 uint64 complex64"
    )
    for name in plain.split():
        tensors[name] = (noise.abs() if name.startswith("uint") else noise).to(getattr(torch, name))
    path = tmp_path / "types.safetensors"
    save_file(tensors, path)
    contents, values = read_all(path)
    for entry in contents.entries:
        assert entry.dtype == entry.name
        truth = tensors[entry.name]
        widened = truth.float() if entry.dtype.startswith(("float8", "bfloat16")) else truth
        np.testing.assert_array_equal(values[entry.name], widened.numpy(), err_msg=entry.name)


@pytest.mark.parametrize(
    ("header", "data", "message"),
    [
        ({"a": tensor("F32", [1], 0, 8)}, bytes(8), "a tensor's size contradicts its type and shape"),
        ({"a": tensor("F32", [2], 0, 8)}, bytes(4), "the safetensors file is cut short"),
        ({"a": tensor("F32", [1], 0, 4)}, bytes(5), "leave bytes unexplained\n.*\n1 bytes at the end"),
        ({"a": tensor("F32", [1], 4, 8)}, bytes(8), "leave bytes unexplained\n.*\nat a"),
        ({"a": tensor("U8", [2], 0, 2), "b": tensor("U8", [2], 1, 3)}, bytes(3), "overlap\n.*\nat b"),
        ({"a": tensor("U8", [2], 0, 2), "b": tensor("U8", [2], 0, 2)}, bytes(2), "overlap\n.*\nat b"),
        ({"a": tensor("U8", [2], 2, 0)}, bytes(2), "a has no sensible offsets"),
        ({"a": tensor("U8", [2], -2, 0)}, bytes(2), "a has no sensible offsets"),
        ({"a": tensor("F9", [2], 0, 2)}, bytes(2), "a has an unknown type: F9"),
        ({"a": tensor("U8", [2**32, 2**32], 0, 2**64)}, b"", "lies outside the file"),
        ({"a": tensor("U8", [2**64, 0], 0, 0)}, b"", "a has no sensible shape"),
        ({"a": tensor("U8", [1] * 17, 0, 1)}, bytes(1), "a has no sensible shape"),
        ({"a": tensor("U8", [-1], 0, 1)}, bytes(1), "a has no sensible shape"),
        ({"a": tensor("U8", [True], 0, 1)}, bytes(1), "a has no sensible shape"),  # type: ignore[list-item]
        ({"a": tensor("U8", [1.0], 0, 1)}, bytes(1), "a has no sensible shape"),  # type: ignore[list-item]
        ({"a": tensor("U8", [1], 0, 1) | {"code": "x"}}, bytes(1), "a is no tensor"),
        ({"a": [1]}, b"", "a is no tensor"),
        ({"__metadata__": {"a": 1}}, b"", "__metadata__ must map text to text"),
        ({"__metadata__": ["a"]}, b"", "__metadata__ must map text to text"),
        (b'{"a":{},"a":{}}', b"", "names a tensor twice"),
        (b'{"a":{"dtype":"U8","dtype":"F32"}}', b"", "names a tensor twice"),
        (b'{"a":NaN}', b"", "NaN is not JSON"),
        (b'["a"]', b"", "its header is not a JSON object"),
        (b" {}", b"", "its header is not a JSON object"),
        ("{}".encode("utf-16-le"), b"", "the safetensors header is damaged"),
        (b'{"\xff":1}', b"", "the safetensors header is damaged"),
        (b'{"\\ud800":1}', b"", "surrogates not allowed"),
        (b'{"a":' + b"[" * 100_000, b"", "recursion"),
        (b'{"a":' + b"9" * 5000 + b"}", b"", "the safetensors header is damaged"),
        (b"{" + b" " * 2**22 + b"}", b"", "the safetensors header is absurdly large"),
        (b"", b"", "cut short: a safetensors file has a header"),
    ],
)  # fmt: skip
def test_a_lying_header_is_refused(tmp_path: Path, header: Header | bytes, data: bytes, message: str) -> None:
    import re

    error = refusal(write(tmp_path / "bad.safetensors", header, data))
    assert re.search(message, told(error)), told(error)


def test_a_header_that_claims_more_than_the_file_has(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"\xff" * 8 + b"{}")
    assert told(refusal(path)) == (
        f"the file is cut short or not a safetensors file\n{path}\nheader of 18446744073709551615 bytes"
    )


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    write_safetensors(path)
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        assert refusal(path) is not None, f"{size} of {len(content)} bytes"


def test_the_official_reader_agrees_on_what_is_damaged(tmp_path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    path = tmp_path / "small.safetensors"
    write_safetensors(path, {"format": "pt"})
    accepted = 0
    for content in damaged(path.read_bytes(), times=600):
        path.write_bytes(content)
        try:
            with safe_open(path, "np") as file:
                official = len(list(file.keys()))
        except (SafetensorError, OSError):
            official = -1
        error = refusal(path)
        assert (error is None) == (official >= 0), error
        accepted += error is None
    assert 0 < accepted < 300


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "empty"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd.safetensors"
    make: dict[str, Callable[[], object]] = {
        "missing": lambda: None,
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
        "empty": path.touch,
    }
    make[kind]()
    expected = {
        "missing": f"the weights file is not there\n{path}",
        "folder": f"the weights are not a file\n{path} is a folder",
        "fifo": f"the weights are not a file\n{path} is not a regular file",
        "empty": f"the file is cut short: a safetensors file has a header\n{path}",
    }
    error = refusal(path)
    assert told(error) == expected[kind]
    assert isinstance(error, WeightsNotFoundError) == (kind == "missing")


def test_a_tensor_beyond_any_size_is_not_read(tmp_path: Path) -> None:
    """A file with a hole costs no disk, but its zeros would fill the memory."""
    path = write(tmp_path / "hole.safetensors", {"a.weight": tensor("F32", [2**14, 2**14], 0, 2**30)})
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 2**30)
    assert told(refusal(path)).startswith(f"a tensor of the file is absurdly large\n{path}\n1073741824 bytes")


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    from yolow.checkpoint.open import open_contents

    path = tmp_path / "small.safetensors"
    write_safetensors(path)
    contents: Contents = open_contents(path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(WeightsError) as caught:
        contents.read(contents.entries[0])
    assert told(caught.value) == f"the weights file has changed while it was read\n{path}"
