"""Realistic reports, as the recipes make them."""

from __future__ import annotations

from typing import Any

from yolow.gate import Gate, evaluate_gates
from yolow.metrics import ClassMetrics, Metrics, Profile
from yolow.run_report import Artifact, Baseline, ParentSummary, RunReport

FOLDER = "/home/ada/solar-project/weights/solar/v1"
DIGEST = "9b09cc8bf347f0fc8a5f7657480587f25db09b34bf33b0652110fb03a8ad4fef"
PARENT = ParentSummary(reference="yolo26n.pt", sha256=DIGEST)

PANEL = ClassMetrics(
    class_id=0,
    name="solar panel",
    images=58,
    instances=1204,
    precision=0.742,
    recall=0.618,
    map50=0.652,
    map50_95=0.4236,
)
SOLAR_METRICS = Metrics(
    split="val", images=64, precision=0.742, recall=0.618, map50=0.652, map50_95=0.4236, per_class=(PANEL,)
)
PROFILE = Profile(
    parameters=2_504_190, gflops=5.77, size_bytes=5_363_712, latency_ms=31.26, imgsz=416, threads=2
)

FINETUNED = RunReport(
    command="finetune",
    version="solar:v1",
    path=f"{FOLDER}/solar-v1.pt",
    task="detect",
    parent=PARENT,
    metrics=SOLAR_METRICS,
    profile=PROFILE,
    gate=evaluate_gates((), SOLAR_METRICS, PROFILE),
    training={
        "epochs_planned": 15,
        "epochs_run": 15,
        "best_epoch": 13,
        "stop_reason": "epochs",
        "seconds": 187.4,
    },
    artifacts=(
        Artifact(kind="curves", path=f"{FOLDER}/results.png"),
        Artifact(kind="report", path=f"{FOLDER}/report.md"),
    ),
    warnings=("3 images are in both train and val, e.g. images/val/roof_0012.jpg",),
    run="solar-1",
    details={
        "config": {
            "data": "/home/ada/solar-project/configs/data/solar.yaml",
            "weights": "yolo26n.pt",
            "epochs": 15,
            "imgsz": 416,
            "freeze": "none",
            "arguments": {"lr0": 0.01, "mosaic": "off"},
        }
    },
)

_BETTER = Metrics(split="val", images=64, precision=0.768, recall=0.611, map50=0.6731, map50_95=0.4481)

FINETUNED_AGAIN = RunReport(
    command="finetune",
    version="solar:v2",
    path="/home/ada/solar-project/weights/solar/v2/solar-v2.pt",
    task="detect",
    parent=ParentSummary(reference="solar:v1", sha256="1f3a" * 16),
    metrics=_BETTER,
    baseline=Baseline(reference="solar:v1", metrics=SOLAR_METRICS, profile=PROFILE),
    profile=PROFILE,
    training={
        "epochs_planned": 100,
        "epochs_run": 32,
        "best_epoch": 24,
        "stop_reason": "patience",
        "seconds": 5312.0,
    },
    gate=evaluate_gates((Gate(field="map50_95", comparison=">=", limit=0.4),), _BETTER, PROFILE),
    run="solar-2",
)

_GATES = (
    Gate(field="map50_95", comparison=">=", limit=0.45),
    Gate(field="size_mb", comparison="<=", limit=6.0),
    Gate(field="top1", comparison=">=", limit=0.9),
)

REJECTED = RunReport(
    command="finetune",
    status="rejected",
    exit_code=1,
    path="/home/ada/solar-project/runs/solar-3/candidate/solar.pt",
    task="detect",
    parent=PARENT,
    metrics=SOLAR_METRICS,
    profile=PROFILE,
    gate=evaluate_gates(_GATES, SOLAR_METRICS, PROFILE),
    training={
        "epochs_planned": 15,
        "epochs_run": 15,
        "best_epoch": 15,
        "stop_reason": "epochs",
        "seconds": 9.0,
    },
    run="solar-3",
)

INTERRUPTED = RunReport(
    command="train",
    status="interrupted",
    exit_code=130,
    task="detect",
    training={"epochs_planned": 100, "epochs_run": 7},
    run="yolo26n-4",
)

_COCO_NAMES = [
    name.replace("_", " ")
    for line in (
        "person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant stop_sign",
        "parking_meter bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella handbag tie",
        "suitcase frisbee skis snowboard sports_ball kite baseball_bat baseball_glove skateboard surfboard",
        "tennis_racket bottle wine_glass cup fork knife spoon bowl banana apple sandwich orange broccoli carrot",
        "hot_dog pizza donut cake chair couch potted_plant bed dining_table toilet tv laptop mouse remote keyboard",
        "cell_phone microwave oven",
    )
    for name in line.split()
]


def coco_classes(count: int = 70) -> tuple[ClassMetrics, ...]:
    """So many classes with values that look measured and never change."""
    entries = []
    for index in range(count):
        map50_95 = round(0.05 + (index * 37 % 89) / 100, 4)
        entries.append(
            ClassMetrics(
                class_id=index,
                name=_COCO_NAMES[index],
                images=1 + index * 7 % 64,
                instances=3 + index * 53 % 1300,
                precision=min(1.0, map50_95 + 0.21),
                recall=min(1.0, map50_95 + 0.08),
                map50=min(1.0, map50_95 + 0.17),
                map50_95=map50_95,
            )
        )
    return tuple(entries)


VALIDATED = RunReport(
    command="val",
    version=None,
    path="/home/ada/.cache/yolow/yolo26n.pt",
    task="detect",
    metrics=Metrics(
        split="val",
        images=128,
        precision=0.641,
        recall=0.537,
        map50=0.6066,
        map50_95=0.4672,
        per_class=coco_classes(),
    ),
    profile=Profile(parameters=2_572_280, gflops=6.1, size_bytes=5_544_453),
    details={"weights": "yolo26n.pt"},
)

POSE_VALIDATED = RunReport(
    command="val",
    version="athletes:v4",
    task="pose",
    metrics=Metrics(
        split="test", images=1, precision=0.9, recall=0.8, map50=0.85, map50_95=0.5, box_map50_95=0.61
    ),
)

CLASSIFIED = RunReport(
    command="train",
    version="birds:v1",
    path="/srv/weights/birds/v1/birds-v1.pt",
    task="classify",
    metrics=Metrics(split="val", images=2310, top1=0.8817, top5=0.9703, main="top1"),
    training={"epochs_planned": 20, "epochs_run": 20, "best_epoch": 20, "stop_reason": "epochs"},
)

PREDICTED = RunReport(
    command="predict",
    status="error",
    exit_code=2,
    path="/home/ada/.cache/yolow/yolo26n.pt",
    task="detect",
    artifacts=tuple(
        Artifact(kind="annotated", path=f"/home/ada/solar-project/predictions/street_{number:04d}.jpg")
        for number in range(1, 13)
    ),
    details={
        "weights": "yolo26n.pt",
        "sources": 12,
        "detections": 57,
        "counts": {"bus": 2, "person": 40, "traffic light": 15},
        "bad_inputs": [
            {"source": "photos/broken.jpg", "reason": "not an image, or cut off"},
            {"source": "photos/notes.txt", "reason": "not an image"},
        ],
        "runtime": "torch",
        "images_per_second": 8.13,
    },
)

DRY_RUN = RunReport(
    command="finetune",
    task="detect",
    parent=PARENT,
    warnings=("images/train holds a stray train.cache; it is not read",),
    details={
        "plan": {
            "weights": "yolo26n.pt",
            "name": "solar",
            "data": {"yaml": "configs/data/solar.yaml", "train": 192, "val": 64, "classes": ["solar panel"]},
            "config": {
                "epochs": 15,
                "imgsz": 416,
                "batch": 16,
                "device": "cpu",
                "threads": 2,
                "freeze": "none",
                "optimizer": "auto",
                "gate": [],
                "arguments": {"lr0": 0.01},
                "plots": True,
                "seed": None,
            },
        }
    },
)

_VERSIONS = [
    {
        "reference": "solar:v2",
        "operation": "finetune",
        "task": "detect",
        "main_metric": "map50_95",
        "main_value": 0.4481,
        "size_bytes": 5_363_712,
        "latency_ms": 31.26,
        "created": "2026-11-20T14:03:11+00:00",
        "aliases": ["production"],
    },
    {
        "reference": "solar:v1",
        "operation": "finetune",
        "task": "detect",
        "main_metric": "map50_95",
        "main_value": 0.4236,
        "size_bytes": 5_363_712,
        "latency_ms": 30.9,
        "created": "2026-11-19T09:41:00+00:00",
        "aliases": [],
    },
    {
        "reference": "birds:v1",
        "operation": "train",
        "task": "classify",
        "main_metric": "top1",
        "main_value": 0.8817,
        "size_bytes": 3_120_044,
        "latency_ms": None,
        "created": "2026-11-02T18:20:45+00:00",
        "aliases": ["staging", "demo"],
    },
    {
        "reference": "scratch:v1",
        "operation": "import",
        "task": "detect",
        "main_metric": "map50_95",
        "main_value": None,
        "size_bytes": 10_002_113,
        "latency_ms": None,
        "created": None,
        "aliases": [],
    },
]

_NOW = "2026-11-20T17:30:00+00:00"


def listed(versions: list[dict[str, Any]]) -> RunReport:
    """What `weights list` reports of all these versions."""
    details = {"listed": _NOW, "total": len(versions), "page": None, "next_page": None, "versions": versions}
    return RunReport(command="weights list", details=details)


VERSIONS = listed(_VERSIONS)
NO_VERSIONS = listed([])


def _step(reference: str, state: str, **facts: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("sha256", "operation", "created", "main_metric", "main_value", "removed", "reason")
    )
    return {"reference": reference, "state": state, **nothing, **facts}


SHOWN = RunReport(
    command="weights show",
    version="solar:v2",
    path="/home/ada/solar-project/weights/solar/v2/solar-v2.pt",
    task="detect",
    parent=ParentSummary(reference="solar:v1", sha256="1f3a" * 16),
    metrics=_BETTER,
    baseline=Baseline(reference="solar:v1", metrics=SOLAR_METRICS, profile=PROFILE),
    profile=PROFILE,
    artifacts=(Artifact(kind="file", path="/home/ada/solar-project/weights/solar/v2/run.yaml"),),
    warnings=("12 images have no labels",),
    details={
        "listed": _NOW,
        "record": {
            "schema_version": 1,
            "name": "solar",
            "number": 2,
            "created": "2026-11-20T14:03:11.402117+00:00",
            "sha256": DIGEST,
            "operation": "finetune",
            "parent": {"reference": "solar:v1", "sha256": "1f3a" * 16},
            "metrics": {
                "map50_95": 0.44812345,
                "split": "val",
                "per_class": [{"name": str(index), "map50_95": 0.5} for index in range(70)],
            },
            "baseline": {"per_class": [{"name": str(index), "map50_95": 0.5} for index in range(70)]},
            "classes": {str(index): f"class {index}" for index in range(80)},
            "data": {"name": "solar", "path": "/home/ada/solar.yaml", "fingerprint": "cd" * 32},
            "config": {"epochs": 15, "lr0": 0.001, "gate": [], "plots": True, "freeze": None},
            "environment": {"python": "3.11.7", "torch": "2.15.0", "threads": 2},
        },
        "lineage": [
            _step("solar:v2", "present", operation="finetune", main_metric="map50_95", main_value=0.44812345),
            _step(
                "solar:v1",
                "removed",
                operation="finetune",
                main_metric="map50_95",
                main_value=0.4236,
                removed="2026-11-20T15:00:00+00:00",
                reason="the labels were wrong",
            ),
            _step("yolo26n.pt", "outside"),
        ],
        "aliases": [
            {"alias": "demo", "since": None, "previous": None, "reason": ""},
            {
                "alias": "production",
                "since": "2026-11-20T14:10:00+00:00",
                "previous": 1,
                "reason": "2.4 points better",
            },
        ],
        "notes": [{"written": "2026-11-20T16:00:00+00:00", "text": "two roofs in the south\nare missing"}],
        "files": [
            {"path": "solar-v2.pt", "size_bytes": 5_363_712, "sha256": DIGEST},
            {"path": "run.yaml", "size_bytes": 812, "sha256": "ab" * 32},
        ],
    },
)


def _event(kind: str, when: str, **facts: Any) -> dict[str, Any]:
    return {"kind": kind, "when": f"2026-11-20T{when}:00+00:00", **facts}


def _made(when: str, number: int, **facts: Any) -> dict[str, Any]:
    known = {"operation": "finetune", "parent": "yolo26n.pt", "main_metric": "map50_95", "removed": False}
    return _event("version", when, reference=f"solar:v{number}", **{**known, **facts})


_EVENTS = [
    _event("note", "16:00", reference="solar:v2", text="two roofs in the south\nare missing"),
    _event("removal", "15:00", reference="solar:v1", reason="the labels were wrong"),
    _event(
        "alias", "14:10", alias="production", sequence=2, number=2, previous=1, reason="2.4 points better"
    ),
    _made("14:03", 2, parent="solar:v1", main_value=0.4481, baseline_value=0.4236),
    _event("alias", "10:00", alias="production", sequence=1, number=1, previous=None, reason=""),
    _made("09:41", 1, main_value=0.4236, baseline_value=None, removed=True),
]
LOGGED = RunReport(
    command="weights log",
    details={"name": "solar", "total": len(_EVENTS), "page": None, "next_page": None, "events": _EVENTS},
)

SAMPLES = {
    "finetuned": FINETUNED,
    "finetuned_again": FINETUNED_AGAIN,
    "rejected": REJECTED,
    "interrupted": INTERRUPTED,
    "validated": VALIDATED,
    "pose_validated": POSE_VALIDATED,
    "classified": CLASSIFIED,
    "predicted": PREDICTED,
    "dry_run": DRY_RUN,
    "versions": VERSIONS,
    "no_versions": NO_VERSIONS,
    "shown": SHOWN,
    "logged": LOGGED,
}
