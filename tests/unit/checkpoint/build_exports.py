"""Export a real network to every format that needs no further package, and keep the values that torch has.

Run in a process of its own: `python build_exports.py FOLDER`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch
from ultralytics import YOLO

# The exporters report their use over the network and write to the user's home. OpenVINO and NNCF do not where this
# package is missing, onnxruntime where this is set; all are imported later.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def main() -> None:
    folder = Path(sys.argv[1])
    os.chdir(folder)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = YOLO("yolo26n.yaml", verbose=False)
    for module in model.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            # As after training: no two biases are equal, so that no export keeps them once.
            module.running_mean.uniform_(-0.5, 0.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    model.save("tiny.pt")
    YOLO("tiny.pt").export(format="onnx", imgsz=64, simplify=False)
    YOLO("tiny.pt").export(format="openvino", imgsz=64)
    fused = YOLO("tiny.pt").model.float().fuse()
    np.savez("fused.npz", **{name: value.detach().numpy() for name, value in fused.named_parameters()})
    quantize_openvino()
    quantize_onnx()


def quantize_openvino() -> None:
    import nncf
    import openvino as ov

    images = [np.random.default_rng(seed).random((1, 3, 64, 64), np.float32) for seed in range(2)]
    for name in ("half", "int8", "packed"):
        Path(f"{name}_openvino_model").mkdir()
        network = ov.Core().read_model("tiny_openvino_model/tiny.xml")
        if name == "int8":
            ignored = nncf.IgnoredScope(names=["__module.model.0.conv/aten::_convolution/Convolution"])
            network = nncf.quantize(
                network,
                nncf.Dataset(images),
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=2,
                ignored_scope=ignored,
            )
        elif name == "packed":
            network = nncf.compress_weights(network)
        ov.save_model(network, f"{name}_openvino_model/{name}.xml", compress_to_fp16=name == "half")


def quantize_onnx() -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Images(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = 2

        def get_next(self) -> dict[str, np.ndarray] | None:
            self._left -= 1
            image = np.random.default_rng(self._left + 1).random((1, 3, 64, 64), np.float32)
            return {"images": image} if self._left >= 0 else None

    quantize_static(
        "tiny.onnx",
        "int8.onnx",
        Images(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=["/model.0/conv/Conv"],
    )


main()
