"""Stores for the tests of the managing commands: real versions, and a real checkpoint where its content matters."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from yolow.metrics import ClassMetrics, Metrics, Profile
from yolow.store.record import DataRecord, ParentRecord, VersionDraft
from yolow.store.store import Store, WeightsVersion

METRICS = Metrics(
    split="val",
    images=43,
    precision=0.61,
    recall=0.55,
    map50=0.65,
    map50_95=0.42,
    per_class=(
        ClassMetrics(
            class_id=0,
            name="panel",
            images=40,
            instances=310,
            precision=0.6,
            recall=0.5,
            map50=0.6,
            map50_95=0.4,
        ),
    ),
)
PROFILE = Profile(parameters=2_504_190, gflops=5.8, size_bytes=7, latency_ms=31.26, threads=2)
DATA = DataRecord(
    name="solar", path="/home/ada/solar.yaml", fingerprint="cd" * 32, train_images=170, val_images=43
)
DRAFT = VersionDraft(
    name="solar",
    operation="finetune",
    task="detect",
    parent=ParentRecord(reference="yolo26n.pt", sha256="9b" * 32),
    classes={0: "panel"},
    metrics=METRICS,
    baseline=replace(METRICS, map50_95=0.3, per_class=()),
    profile=PROFILE,
    training={"epochs_planned": 15, "epochs_run": 12, "stop_reason": "patience", "seconds": 131.5},
    data=DATA,
    config={"epochs": 15, "data": "/home/ada/solar.yaml", "lr0": 0.01},
    environment={"cpu": "A", "yolow": "0.1.0"},
)

_OPENVINO = """<?xml version="1.0"?>
<net name="tiny" version="11">
  <layers>
    <layer id="0" name="x" type="Parameter" version="opset1">
      <data shape="1,3,8,8" element_type="f32"/>
      <output><port id="0" precision="FP32"><dim>1</dim><dim>3</dim><dim>8</dim><dim>8</dim></port></output>
    </layer>
    <layer id="1" name="weight" type="Const" version="opset1">
      <data element_type="f32" shape="4,3,1,1" offset="0" size="48"/>
      <output><port id="0" precision="FP32"><dim>4</dim><dim>3</dim><dim>1</dim><dim>1</dim></port></output>
    </layer>
    <layer id="2" name="conv" type="Convolution" version="opset1">
      <data strides="1, 1" dilations="1, 1" pads_begin="0, 0" pads_end="0, 0" auto_pad="explicit"/>
      <input>
        <port id="0" precision="FP32"><dim>1</dim><dim>3</dim><dim>8</dim><dim>8</dim></port>
        <port id="1" precision="FP32"><dim>4</dim><dim>3</dim><dim>1</dim><dim>1</dim></port>
      </input>
      <output><port id="2" precision="FP32"><dim>1</dim><dim>4</dim><dim>8</dim><dim>8</dim></port></output>
    </layer>
    <layer id="3" name="y" type="Result" version="opset1">
      <input><port id="0" precision="FP32"><dim>1</dim><dim>4</dim><dim>8</dim><dim>8</dim></port></input>
    </layer>
  </layers>
  <edges>
    <edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
    <edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
    <edge from-layer="2" from-port="2" to-layer="3" to-port="0"/>
  </edges>
</net>
"""


def add_version(
    root: Path,
    *,
    map50_95: float | None = 0.42,
    latency_ms: float | None = 31.26,
    content: bytes | None = None,
    **changes: Any,
) -> WeightsVersion:
    """Add the next version of `solar`; its weights differ from all others unless `content` is given."""
    store = Store(root)
    draft = replace(
        DRAFT,
        metrics=None if map50_95 is None else replace(METRICS, map50_95=map50_95),
        profile=replace(PROFILE, latency_ms=latency_ms),
    )
    draft = replace(draft, **changes)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "result.pt"
        weights.write_bytes(content or f"weights {len(store.numbers(draft.name))} {map50_95}".encode())
        report = Path(folder) / "report.md"
        report.write_text("# solar\n")
        return store.add(draft, weights=weights, suffix=".pt", files={"report.md": report})


def promote(root: Path, number: int, alias: str = "production", name: str = "solar") -> None:
    """Let an alias stand for a version, as a step before what a test looks at."""
    store = Store(root)
    store.change_alias(name, alias, lambda _: store.get(name, number), reason="")


def child_of(parent: WeightsVersion) -> ParentRecord:
    return ParentRecord(reference=parent.reference, sha256=parent.record.sha256)


@cache
def checkpoint_bytes() -> bytes:
    """A yolo26n with random weights, as Ultralytics saves it; built in a process of its own."""
    code = "import sys; from ultralytics import YOLO; YOLO('yolo26n.yaml').save(sys.argv[1])"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "yolo26n.pt"
        subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={"YOLO_CONFIG_DIR": folder, "YOLO_OFFLINE": "1", "PATH": "", "CUDA_VISIBLE_DEVICES": ""},
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=120,
        )
        return path.read_bytes()


def write_openvino(folder: Path) -> None:
    """A network of one convolution as an OpenVINO folder, for 64-pixel images and one class, `panel`."""
    folder.mkdir()
    (folder / "best.xml").write_text(_OPENVINO)
    (folder / "best.bin").write_bytes(bytes(range(48)))
    (folder / "metadata.yaml").write_text(
        "task: detect\nnames:\n  0: panel\nimgsz:\n- 64\n- 64\nversion: 8.4.190\n"
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the lock, to see that nothing changed."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
