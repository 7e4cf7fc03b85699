"""What `read_checkpoint` says of real checkpoints is what Ultralytics says of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from real_checkpoints import ARCHITECTURES, Built

from yolow.checkpoint.summary import read_checkpoint
from yolow.errors import WeightsError, WeightsNotFoundError

_SHARED = Path(os.environ.get("YOLOW_WEIGHTS_DIR", Path(__file__).parents[4] / "shared" / "weights"))
_YOLO26N = _SHARED / "yolo26n.pt"

needs_yolo26n = pytest.mark.skipif(not _YOLO26N.is_file(), reason="the shared weights are not there")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_summary_agrees_with_ultralytics(name: str, built: Built) -> None:
    summary = read_checkpoint(built.path(name))
    facts = built.facts[name]
    assert summary.parameters == sum(summary.dtypes.values()) == facts["parameters"]
    assert summary.names == {int(key): value for key, value in facts["names"].items()}
    assert summary.task == facts["task"]
    assert summary.layers == facts["layers"]
    assert summary.backbone_layers == facts["backbone_layers"]
    assert summary.end2end == facts["end2end"]
    assert summary.fused == facts["fused"] == (name == "fused")
    assert (list(summary.kpt_shape) if summary.kpt_shape else None) == facts["kpt_shape"]
    assert summary.architecture == ("yolo26n" if name == "fused" else name)
    assert summary.size_bytes == built.path(name).stat().st_size
    assert summary.dtypes.keys() == {"float16"}
    assert (summary.epoch, summary.has_optimizer) == (None, False)
    assert (summary.license or "").startswith("AGPL-3.0")


@pytest.mark.slow
def test_resumable_and_stripped(trained: Built) -> None:
    resumable = read_checkpoint(trained.path("yolo26n-resumable"))
    assert (resumable.epoch, resumable.has_optimizer, resumable.imgsz) == (0, True, 64)
    assert resumable.names == {0: "panel"}
    assert resumable.parameters == trained.facts["yolo26n-resumable"]["parameters"]
    assert resumable.train_args["epochs"] == 1
    assert resumable.train_args["data"] == str(trained.folder / "data.yaml")
    assert "metrics/mAP50-95(B)" in resumable.train_metrics
    stripped = read_checkpoint(trained.path("yolo26n-stripped"))
    assert (stripped.epoch, stripped.has_optimizer, stripped.imgsz) == (None, False, 64)
    assert stripped.size_bytes < resumable.size_bytes / 2
    assert stripped.parameters == resumable.parameters


@pytest.mark.slow
def test_classifier_with_its_transforms(trained: Built) -> None:
    summary = read_checkpoint(trained.path("yolo11n-cls-resumable"))
    assert (summary.task, summary.names) == ("classify", {0: "a", 1: "b"})
    assert "torchvision.transforms.functional.InterpolationMode" in summary.globals


@pytest.mark.shared
@needs_yolo26n
def test_official_architecture() -> None:
    summary = read_checkpoint(_YOLO26N)
    assert (summary.task, summary.architecture, summary.imgsz) == ("detect", "yolo26n", 640)
    assert (summary.parameters, summary.dtypes) == (2_572_280, {"float16": 2_572_280})
    assert (summary.layers, summary.backbone_layers, summary.end2end, summary.fused) == (24, 11, True, False)
    assert (len(summary.names), summary.names[0], summary.names[79]) == (80, "person", "toothbrush")
    assert summary.globals == tuple(sorted(set(summary.globals)))
    assert "ultralytics.nn.tasks.DetectionModel" in summary.globals


@pytest.mark.shared
@needs_yolo26n
def test_reading_takes_little_time_and_no_heavy_import() -> None:
    code = (
        "import json, pathlib, sys, time\n"
        "from yolow.checkpoint.summary import read_checkpoint\n"
        "times = []\n"
        "for _ in range(5):\n"
        "    start = time.perf_counter(); read_checkpoint(pathlib.Path(sys.argv[1]))\n"
        "    times.append(time.perf_counter() - start)\n"
        "heavy = sorted({'torch', 'numpy', 'ultralytics', 'pickle', 'cv2', 'PIL'} & set(sys.modules))\n"
        "print(json.dumps([min(times), heavy]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(_YOLO26N)], capture_output=True, text=True, timeout=60
    )
    seconds, heavy = json.loads(done.stdout)
    assert heavy == []
    assert seconds < 0.2  # 0.035 on an idle machine


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError) as caught:
        read_checkpoint(tmp_path / "none.pt")
    assert caught.value.context == (str(tmp_path / "none.pt"),)


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not a file") as caught:
        read_checkpoint(tmp_path)
    assert caught.value.context == (f"{tmp_path} is a folder",)


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    start = time.monotonic()
    with pytest.raises(WeightsError, match="not a file"):
        read_checkpoint(tmp_path / "pipe.pt")
    assert time.monotonic() - start < 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.pt"
    path.write_bytes(b"PK\x03\x04")
    path.chmod(0)
    with pytest.raises(WeightsError, match="can't be read") as caught:
        read_checkpoint(path)
    assert caught.value.context == (str(path), "Permission denied")


@pytest.mark.parametrize(
    ("content", "looks_like"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "looks like an HTML page"),
        (b"\n  <html>", "looks like an HTML page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "looks like a Git LFS pointer",
        ),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "looks like a 7-Zip archive"),
        (b"\x1f\x8b\x08\x00", "looks like a gzip file"),
        (b"a.pt".ljust(257, b"\x00") + b"ustar\x0000", "looks like a tar archive"),
        (
            b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02",
            "looks like a PyTorch file of the format before 1.6",
        ),
        (b"\x80\x04\x95\x00", "looks like a bare pickle"),
        ((64).to_bytes(8, "little") + b'{"weight":{"dtype":"F16"}}', "looks like a safetensors file"),
        (b"\x08\x09\x12\x07pytorch\x1a\x05", "looks like an ONNX model"),
        (b"\x89PNG\r\n\x1a\n", "looks like a PNG image"),
        (b'{"names": []}', "looks like a JSON text"),
        (bytes(4096), "looks like a file of zero bytes"),
    ],
)
def test_other_formats_are_named(content: bytes, looks_like: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(path)
    assert caught.value.message == "the file is not a PyTorch checkpoint"
    assert caught.value.context[0] == str(path)
    assert caught.value.context[1].startswith(looks_like)


def test_unknown_format_says_no_more_than_it_knows(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"\x01\x02\x03\x04" * 40)
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(path)
    assert caught.value.context == (str(path),)


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.touch()
    with pytest.raises(WeightsError, match="the weights file is empty"):
        read_checkpoint(path)
