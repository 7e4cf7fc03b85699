"""What a checkpoint may name: all that Ultralytics' networks consist of, and nothing else of the same modules."""

from __future__ import annotations

import pytest
from real_checkpoints import Built

from yolow.checkpoint.allowlist import is_expected


def test_every_layer_of_torch_and_ultralytics_is_expected(built: Built) -> None:
    missing = [name for name in built.names["layers"] if not is_expected(*name.split(" "))]
    assert missing == []
    assert len(built.names["layers"]) > 200


def test_nothing_else_in_those_modules_is_expected(built: Built) -> None:
    wrong = [name for name in built.names["others"] if is_expected(*name.split(" "))]
    assert wrong == []
    assert "ultralytics.nn.modules.head LOGGER" in built.names["others"]


@pytest.mark.parametrize(
    "name",
    [
        "collections OrderedDict",
        "torch HalfStorage",
        "torch.storage UntypedStorage",
        "torch bfloat16",
        "torch Size",
        "torch._utils _rebuild_parameter",
        "ultralytics.nn.modules Conv",
        "ultralytics.nn.tasks YOLOv10DetectionModel",
        "ultralytics.nn.modules.head v10Detect",
        "ultralytics.nn.modules.block Silence",
        "ultralytics.yolo.utils IterableSimpleNamespace",
        "ultralytics.utils.loss v8DetectionLoss",
        "ultralytics.utils.tal TaskAlignedAssigner",
        "numpy.core.multiarray scalar",
        "numpy._core.multiarray scalar",
        "pathlib PosixPath",
        "pathlib._local WindowsPath",
        "__builtin__ set",
        "builtins getattr",
    ],
)
def test_expected(name: str) -> None:
    assert is_expected(*name.split(" "))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("builtins", "frozenset.__class__"),
        ("os", "system"),
        ("torch", "load"),
        ("torch", "hub"),
        ("torch", "Tensor"),
        ("torch.storage", "_load_from_bytes"),
        ("torch._utils", "_import_dotted_name"),
        ("torch._tensor", "_rebuild_from_type_v2"),
        ("torch.nn.modules.module", "torch"),
        ("torch.nn.modules._functions", "SyncBatchNorm"),
        ("torch.nn.modules.conv.sub", "Conv2d"),
        ("torch.nn.modulesx.conv", "Conv2d"),
        ("torch.nn.modules.conv", "Conv2d\n"),
        ("torch.nn.modules.conv\n", "Conv2d"),
        ("torch.nn.modules.conv", "Conv2d.forward"),
        ("torch.nn.modules.conv", "_ConvNd"),
        ("torch.nn.modules.conv", "\u0421onv2d"),
        ("ultralytics.nn.tasks", "attempt_download_asset"),
        ("ultralytics.nn.tasks", "YOLO"),
        ("ultralytics.nn.autobackend", "AutoBackend"),
        ("ultralytics.utils", "SETTINGS"),
        ("ultralytics.utils.downloads", "download"),
        ("collections", "OrderedDict.__init__"),
        ("torchvision.transforms.transforms", "Lambda"),
        ("numpy", "load"),
        ("numpy.core.multiarray", "fromfile"),
        ("functools", "partial"),
        ("", ""),
        ("torch.", "Size"),
        ("", "torch.Size"),
    ],
)
def test_unexpected(module: str, name: str) -> None:
    assert not is_expected(module, name)
