"""Small networks in every export format, written by the formats' own libraries; no torch, so that tests stay fast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

# What Ultralytics writes into an ONNX file, as text, and beside others as YAML.
METADATA = {
    "description": "Ultralytics YOLO26n model",
    "date": "2026-01-02T03:04:05",
    "version": "8.4.190",
    "license": "AGPL-3.0 License (https://ultralytics.com/license)",
    "stride": "32",
    "task": "detect",
    "imgsz": "[64, 96]",
    "names": "{0: 'person', 1: \"driver's seat\"}",
    "args": "{'batch': 1, 'quantize': 8, 'dynamic': False, 'data': None}",
    "end2end": "True",
}
YAML = """\
description: Ultralytics YOLO26n model
version: 8.4.190
task: detect
imgsz:
- 64
- 96
names:
  0: person
  1: driver's seat
"""


def values(*shape: int, seed: int = 0) -> np.ndarray:
    """Random float32 values of this shape; a seed for each tensor, so that no two are equal."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def write_safetensors(path: Path, metadata: dict[str, str] | None = None) -> dict[str, np.ndarray]:
    """A convolution with its normalisation and a linear layer."""
    from safetensors.numpy import save_file

    tensors = {
        "model.0.conv.weight": values(4, 3, 3, 3, seed=1).astype(np.float16),
        "model.0.bn.weight": values(4, seed=2),
        "model.0.bn.bias": values(4, seed=3),
        "model.0.bn.running_mean": values(4, seed=4),
        "model.0.bn.num_batches_tracked": np.array(7, np.int64),
        "model.1.linear.weight": values(2, 4, seed=5).astype(np.float64),
        "model.1.linear.bias": np.array([1, -2], np.int8),
        "model.1.mask": np.array([True, False, True]),
        "model.1.empty": np.zeros((0, 4), np.float32),
    }
    save_file(tensors, path, metadata)
    return tensors


def onnx_model(*, typed: bool = False) -> tuple[Any, dict[str, np.ndarray]]:
    """Two convolutions, the second without bias, and a matrix product with a bias that is added.

    Args:
        typed: keep the values as protobuf numbers instead of raw bytes.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    tensors = {
        "model.0.conv.weight": values(4, 3, 3, 3, seed=1),
        "model.0.conv.bias": values(4, seed=2),
        "model.1.conv.weight": values(4, 4, 1, 1, seed=3),
        "onnx::MatMul_9": values(4, 2, seed=4),
        "model.2.linear.bias": values(2, seed=5),
    }
    nodes = [
        helper.make_node(
            "Conv", ["images", "model.0.conv.weight", "model.0.conv.bias"], ["a"], "/model.0/conv/Conv"
        ),
        helper.make_node("Relu", ["a"], ["b"], "/model.0/act/Relu"),
        helper.make_node("Conv", ["b", "model.1.conv.weight"], ["c"], "/model.1/conv/Conv"),
        helper.make_node("GlobalAveragePool", ["c"], ["d"], "/model.2/GlobalAveragePool"),
        helper.make_node("Flatten", ["d"], ["e"], "/model.2/Flatten"),
        helper.make_node("MatMul", ["e", "onnx::MatMul_9"], ["f"], "/model.2/linear/MatMul"),
        helper.make_node("Add", ["model.2.linear.bias", "f"], ["output0"], "/model.2/linear/Add"),
    ]
    initializers = []
    for name, array in tensors.items():
        if typed:
            flat = array.reshape(-1).tolist()
            initializers.append(helper.make_tensor(name, TensorProto.FLOAT, array.shape, flat))
        else:
            initializers.append(numpy_helper.from_array(array, name))
    graph = helper.make_graph(
        nodes,
        "main_graph",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 2])],
        initializers,
    )
    model = helper.make_model(graph, producer_name="pytorch", opset_imports=[helper.make_opsetid("", 18)])
    helper.set_model_props(model, METADATA)
    onnx.checker.check_model(model)
    return model, tensors


def write_onnx(path: Path, *, typed: bool = False) -> dict[str, np.ndarray]:
    """Write `onnx_model` and give its tensors."""
    model, tensors = onnx_model(typed=typed)
    path.write_bytes(model.SerializeToString())
    return tensors


def write_openvino(folder: Path, *, element_type: str = "f32") -> dict[str, np.ndarray]:
    """A convolution with a bias, a grouped one and a matrix product; values kept as `element_type` and widened.

    Returns:
        The weights and biases as they were given, in float32.
    """
    ov = pytest.importorskip("openvino")
    from openvino import opset13 as op

    given = {
        "model.0.conv.weight": values(4, 3, 3, 3, seed=1),
        "model.0.conv.bias": values(1, 4, 1, 1, seed=2),
        "model.1.conv.weight": values(4, 1, 1, 3, 3, seed=3),
        "model.2.linear.weight": values(4, 2, seed=4),
    }
    images = op.parameter([1, 3, 8, 8], np.float32, name="x")

    def constant(name: str) -> Any:
        if element_type == "f32":
            return op.constant(given[name])
        kept = op.constant(given[name].astype({"f16": np.float16, "i8": np.int8}[element_type]))
        return op.convert(kept, "f32")

    pads, steps = [0, 0], [1, 1]
    conv = op.convolution(images, constant("model.0.conv.weight"), steps, pads, pads, steps)
    conv.set_friendly_name("__module.model.0.conv/aten::_convolution/Convolution")
    added = op.add(conv, constant("model.0.conv.bias"))
    added.set_friendly_name("__module.model.0.conv/aten::_convolution/Add")
    grouped = op.group_convolution(added, constant("model.1.conv.weight"), steps, pads, pads, steps)
    grouped.set_friendly_name("__module.model.1.conv/aten::_convolution/GroupConvolution")
    pooled = op.reduce_mean(grouped, op.constant(np.array([2, 3], np.int64)), False)
    product = op.matmul(pooled, constant("model.2.linear.weight"), False, False)
    product.set_friendly_name("__module.model.2.linear/aten::linear/MatMul")
    folder.mkdir()
    ov.save_model(ov.Model([product], [images], "small"), folder / "small.xml", compress_to_fp16=False)
    (folder / "metadata.yaml").write_text(YAML, encoding="utf-8")
    return given


def write_ncnn(folder: Path) -> dict[str, np.ndarray]:
    """Two convolutions, one in half precision and one in 8 bits, a normalisation and constants."""
    given: dict[str, np.ndarray] = {
        "conv_0.weight": values(4, 3, 3, 3, seed=1).astype(np.float16),
        "conv_0.bias": values(4, seed=2),
        "conv_1.weight": np.arange(-12, 13, dtype=np.int8)[:20].reshape(5, 4, 1, 1),
        "conv_1.weight_scales": values(5, seed=3),
        "conv_1.input_scale": values(1, seed=4),
        "bn_2.weight": values(5, seed=5),
        "bn_2.running_mean": values(5, seed=6),
        "bn_2.running_var": values(5, seed=7),
        "bn_2.bias": values(5, seed=8),
        "anchors.data": values(2, 5, seed=9),
    }
    lines = [
        "7767517",
        "6 6",
        "Input            in0      0 1 in0",
        "Convolution      conv_0   1 1 in0 1 0=4 1=3 2=1 3=1 4=0 5=1 6=108",
        "ReLU             relu_0   1 1 1 2",
        "Convolution      conv_1   1 1 2 3 0=5 1=1 5=0 6=20 8=2",
        "BatchNorm        bn_2     1 1 3 out0 0=5 1=1.000000e-03",
        "MemoryData       anchors  0 1 out1 0=5 1=2",
    ]
    flags = {"conv_0.weight": 0x01306B47, "conv_1.weight": 0x000D4B38}
    data = bytearray()
    for name, array in given.items():
        flag = flags.get(name)
        data += b"" if flag is None else flag.to_bytes(4, "little")
        data += array.tobytes()
        data += bytes(-len(data) % 4)
    folder.mkdir()
    (folder / "model.ncnn.param").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "model.ncnn.bin").write_bytes(data)
    (folder / "metadata.yaml").write_text(YAML, encoding="utf-8")
    return given
