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


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the lock, to see that nothing changed."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
