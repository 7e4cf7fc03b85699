"""What the screen of `inspect` says of an export."""

from __future__ import annotations

from typing import Any

import pytest

from yolow.report.export_facts import export_pairs


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, {}),
        ({"task": "detect", "layers": 24}, {}),
        (
            {"producer": "pytorch", "producer_version": "2.14.1", "opset": 18, "ir_version": 8},
            {"made by": "pytorch 2.14.1, opset 18, IR version 8"},
        ),
        ({"producer": "onnx.quantize", "producer_version": ""}, {"made by": "onnx.quantize"}),
        (
            {"openvino_version": "2026.4.1-22982-e213a147257-releases/2026/4", "ir_version": 11},
            {"made by": "OpenVINO 2026.4.1, IR version 11"},
        ),
        (
            {"export_args": {"batch": 1, "data": None, "dynamic": False, "quantize": 8}},
            {"exported with": "batch 1, quantize 8"},
        ),
        (
            {
                "nncf": {
                    "version": "3.4.0",
                    "friendly_names_were_updated": "True",
                    "quantization": {
                        "preset": "mixed",
                        "model_type": "None",
                        "ignored_scope": {"names": "['a']"},
                        "advanced_parameters": "{" + "x" * 100 + "}",
                    },
                }
            },
            {"quantized by": "NNCF 3.4.0, quantization: preset mixed, ignored_scope.names ['a']"},
        ),
        (
            {"metadata": {"format": "pt", "task": "detect"}, "task": "detect"},
            {"metadata": "format pt"},
        ),
        (
            {"metadata": {f"key{index}": "x" for index in range(9)}},
            {"metadata": ", ".join(f"key{index} x" for index in range(8)) + ", ..."},
        ),
        (
            {"code_files": ["a.py", "b.so"]},
            {"code beside it": "a.py, b.so: not a part of the network, and not run here"},
        ),
        (
            {"unread": {"layer": "lstm_3", "kind": "LSTM", "size_bytes": 1_250_000}},
            {"not read": "1.2 MB from the layer lstm_3 on: the layout of LSTM is not known"},
        ),
        ({"sparse_tensors": 2}, {"left out": "2 sparse tensors, not read"}),
        ({"local_functions": 1}, {"left out": "1 function of its own, not looked into"}),
    ],
)
def test_labels_and_texts(facts: dict[str, Any], expected: dict[str, str]) -> None:
    assert dict(export_pairs(facts)) == expected
