"""Drafts, records and small sources for the tests of the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from yolow.metrics import ClassMetrics, Metrics, Profile
from yolow.store.record import DataRecord, FileEntry, ParentRecord, VersionDraft, VersionRecord
from yolow.store.store import Store, WeightsVersion

METRICS = Metrics(
    split="val",
    images=43,
    precision=0.61,
    recall=0.55,
    map50=0.65,
    map50_95=0.421875,
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

DRAFT = VersionDraft(
    name="solar",
    operation="finetune",
    task="detect",
    parent=ParentRecord(reference="yolo26n.pt", sha256="9b" * 32),
    run="finetune-solar-20260101-120000-ab12",
    classes={0: "panel", 2: "Dach-Fläche", 10: "shadow"},
    metrics=METRICS,
    baseline=replace(METRICS, map50_95=0.3, per_class=()),
    profile=Profile(parameters=2_504_190, gflops=5.8, size_bytes=5_363_712, latency_ms=31.26, threads=2),
    training={"epochs_planned": 15, "epochs_run": 12, "stop_reason": "patience", "seconds": 131.5},
    data=DataRecord(
        name="solar", path="/data/solar.yaml", fingerprint="cd" * 32, train_images=170, val_images=43
    ),
    config={"epochs": 15, "optimizer": "off", "gate": [], "nested": {"b": 1, "a": None}},
    environment={"python": "3.11.7", "threads": 2},
    warnings=("12 images have no labels",),
)

# Changes of the draft that leave out all that may be left out.
BARE: dict[str, Any] = {
    "parent": None, "run": None, "metrics": None, "baseline": None, "profile": None, "training": None, "data": None,
    "classes": {}, "config": {}, "environment": {}, "warnings": (),
}  # fmt: skip

RECORD = VersionRecord(
    **vars(DRAFT),
    number=3,
    created="2026-01-01T12:00:00.000000+00:00",
    weights="solar-v3.pt",
    sha256="ab" * 32,
    files=(
        FileEntry(path="report.md", sha256="ef" * 32, size_bytes=812),
        FileEntry(path="solar-v3.pt", sha256="ab" * 32, size_bytes=5_363_712),
    ),
)


def write(path: Path, content: bytes | str) -> Path:
    """A file with this content; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def add(store: Store, folder: Path, *, content: bytes = b"weights", **changes: Any) -> WeightsVersion:
    """Add a version with a weights file, a config, a curve and a report."""
    draft = replace(DRAFT, **changes)
    return store.add(
        draft,
        weights=write(folder / "result.pt", content),
        suffix=".pt",
        files={
            "run.yaml": write(folder / "run.yaml", "epochs: 15\n"),
            "curves/PR.png": write(folder / "PR.png", b"\x89PNG"),
        },
        finish=lambda staging, reference: write(staging / "report.md", f"# {reference}\n") and None,
    )


def add_export(store: Store, folder: Path, **changes: Any) -> WeightsVersion:
    """Add a version whose weights are a folder."""
    export = folder / "result_openvino_model"
    write(export / "model.xml", "<net/>")
    write(export / "model.bin", bytes(range(40)))
    write(export / "meta" / "metadata.yaml", "task: detect\n")
    return store.add(replace(DRAFT, format="openvino", **changes), weights=export, suffix="_openvino_model")
