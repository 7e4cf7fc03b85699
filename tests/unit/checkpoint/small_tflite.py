"""A small quantized network as a TFLite file, written table by table with the format's own generated code."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from small_exports import values

_FLOAT32, _INT32, _INT8 = 0, 2, 9
_CONV_2D, _DEQUANTIZE, _FULLY_CONNECTED = 3, 6, 9
_FILE_IDENTIFIER = b"TFL3"


class Writer:
    """Tables of one TFLite model."""

    def __init__(self) -> None:
        import flatbuffers

        self.builder = flatbuffers.Builder(4096)
        self.buffers: list[bytes] = [b""]

    def offsets(self, start: Any, items: list[int]) -> int:
        start(self.builder, len(items))
        for item in reversed(items):
            self.builder.PrependUOffsetTRelative(item)
        return int(self.builder.EndVector())

    def numbers(self, start: Any, items: list[int]) -> int:
        start(self.builder, len(items))
        for item in reversed(items):
            self.builder.PrependInt32(item)
        return int(self.builder.EndVector())

    def quantization(self, scales: list[float], zero_points: list[int]) -> int:
        import tflite as t

        t.QuantizationParametersStartScaleVector(self.builder, len(scales))
        for scale in reversed(scales):
            self.builder.PrependFloat32(scale)
        scale_vector = self.builder.EndVector()
        t.QuantizationParametersStartZeroPointVector(self.builder, len(zero_points))
        for zero_point in reversed(zero_points):
            self.builder.PrependInt64(zero_point)
        zero_vector = self.builder.EndVector()
        t.QuantizationParametersStart(self.builder)
        t.QuantizationParametersAddScale(self.builder, scale_vector)
        t.QuantizationParametersAddZeroPoint(self.builder, zero_vector)
        return int(t.QuantizationParametersEnd(self.builder))

    def tensor(
        self,
        name: str,
        dtype: int,
        shape: tuple[int, ...],
        *,
        array: np.ndarray | None = None,
        scales: tuple[float, ...] = (),
    ) -> int:
        import tflite as t

        buffer = 0
        if array is not None:
            buffer = len(self.buffers)
            self.buffers.append(array.tobytes())
        quantization = self.quantization(list(scales), [0] * len(scales)) if scales else None
        text = self.builder.CreateString(name)
        sizes = self.numbers(t.TensorStartShapeVector, list(shape))
        t.TensorStart(self.builder)
        t.TensorAddShape(self.builder, sizes)
        t.TensorAddType(self.builder, dtype)
        t.TensorAddBuffer(self.builder, buffer)
        t.TensorAddName(self.builder, text)
        if quantization is not None:
            t.TensorAddQuantization(self.builder, quantization)
        return int(t.TensorEnd(self.builder))

    def operator(self, code: int, inputs: list[int], outputs: list[int]) -> int:
        import tflite as t

        taken = self.numbers(t.OperatorStartInputsVector, inputs)
        given = self.numbers(t.OperatorStartOutputsVector, outputs)
        t.OperatorStart(self.builder)
        t.OperatorAddOpcodeIndex(self.builder, code)
        t.OperatorAddInputs(self.builder, taken)
        t.OperatorAddOutputs(self.builder, given)
        return int(t.OperatorEnd(self.builder))

    def code(self, number: int) -> int:
        import tflite as t

        t.OperatorCodeStart(self.builder)
        t.OperatorCodeAddDeprecatedBuiltinCode(self.builder, number)
        t.OperatorCodeAddVersion(self.builder, 1)
        return int(t.OperatorCodeEnd(self.builder))

    def finish(self, codes: list[int], tensors: list[int], operators: list[int]) -> bytes:
        import tflite as t

        buffers = [self._buffer(content) for content in self.buffers]
        description = self.builder.CreateString("MLIR Converted.")
        tensor_vector = self.offsets(t.SubGraphStartTensorsVector, tensors)
        operator_vector = self.offsets(t.SubGraphStartOperatorsVector, operators)
        inputs = self.numbers(t.SubGraphStartInputsVector, [0])
        outputs = self.numbers(t.SubGraphStartOutputsVector, [len(tensors) - 1])
        t.SubGraphStart(self.builder)
        t.SubGraphAddTensors(self.builder, tensor_vector)
        t.SubGraphAddInputs(self.builder, inputs)
        t.SubGraphAddOutputs(self.builder, outputs)
        t.SubGraphAddOperators(self.builder, operator_vector)
        graph = t.SubGraphEnd(self.builder)
        graphs = self.offsets(t.ModelStartSubgraphsVector, [graph])
        code_vector = self.offsets(t.ModelStartOperatorCodesVector, codes)
        buffer_vector = self.offsets(t.ModelStartBuffersVector, buffers)
        t.ModelStart(self.builder)
        t.ModelAddVersion(self.builder, 3)
        t.ModelAddOperatorCodes(self.builder, code_vector)
        t.ModelAddSubgraphs(self.builder, graphs)
        t.ModelAddDescription(self.builder, description)
        t.ModelAddBuffers(self.builder, buffer_vector)
        self.builder.Finish(t.ModelEnd(self.builder), _FILE_IDENTIFIER)
        return bytes(self.builder.Output())

    def _buffer(self, content: bytes) -> int:
        import tflite as t

        data = self.builder.CreateByteVector(content) if content else None
        t.BufferStart(self.builder)
        if data is not None:
            t.BufferAddData(self.builder, data)
        return int(t.BufferEnd(self.builder))


def write_tflite(path: Path, metadata: dict[str, Any] | None = None) -> dict[str, np.ndarray]:
    """A convolution in 8 bits with a scale a channel, behind it a linear layer in floats."""
    given = {
        "model.0/conv/weight": np.arange(-54, 54, dtype=np.int8).reshape(4, 3, 3, 3),
        "model.0/conv/bias": np.array([5, -6, 7, -8], np.int32),
        "model.1/linear/weight": values(2, 144, seed=1),
        "model.1/linear/bias": values(2, seed=2),
    }
    writer = Writer()
    channel_scales = (0.5, 0.25, 0.125, 0.0625)
    tensors = [
        writer.tensor("images", _INT8, (1, 8, 8, 3), scales=(0.5,)),
        writer.tensor(
            "model.0/conv/weight",
            _INT8,
            (4, 3, 3, 3),
            array=given["model.0/conv/weight"],
            scales=channel_scales,
        ),
        writer.tensor(
            "model.0/conv/bias", _INT32, (4,), array=given["model.0/conv/bias"], scales=channel_scales
        ),
        writer.tensor("model.0/conv/Conv2D;model.0/act/Relu", _INT8, (1, 6, 6, 4), scales=(0.5,)),
        writer.tensor("dequantized", _FLOAT32, (1, 6, 6, 4)),
        writer.tensor("model.1/linear/weight", _FLOAT32, (2, 144), array=given["model.1/linear/weight"]),
        writer.tensor("model.1/linear/bias", _FLOAT32, (2,), array=given["model.1/linear/bias"]),
        writer.tensor("model.1/linear/MatMul", _FLOAT32, (1, 2)),
    ]
    operators = [
        writer.operator(0, [0, 1, 2], [3]),
        writer.operator(1, [3], [4]),
        writer.operator(2, [4, 5, 6], [7]),
    ]
    codes = [writer.code(number) for number in (_CONV_2D, _DEQUANTIZE, _FULLY_CONNECTED)]
    content = writer.finish(codes, tensors, operators)
    path.write_bytes(content + (archive(metadata) if metadata is not None else b""))
    return given


def archive(metadata: dict[str, Any], name: str = "metadata.json") -> bytes:
    """The zip archive that Ultralytics appends."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr(name, json.dumps(metadata))
    return stream.getvalue()
