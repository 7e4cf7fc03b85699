"""All tasks of Ultralytics go through the same commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_data import make_dataset

Run = Callable[..., Any]

# task, architecture, main metric, what a detection carries beside its class
TASKS = [
    ("segment", "yolo26n-seg.yaml", "map50_95", "polygon"),
    ("classify", "yolo26n-cls.yaml", "top1", None),
    ("pose", "yolo26n-pose.yaml", "map50_95", "keypoints"),
    ("obb", "yolo26n-obb.yaml", "map50_95", "corners"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "model", "main", "extra"), TASKS)
def test_train_predict_val(
    run_yolow: Run, workdir: Path, task: str, model: str, main: str, extra: str | None
) -> None:
    data = make_dataset(workdir / "tiny", task=task)
    trained = run_yolow(
        "train", "--data", data, "--model", model, "--epochs", "1", "--imgsz", "64", "--batch", "4",
        "--set", "plots=false", "--json", cwd=workdir,
    )  # fmt: skip
    assert trained.code == 0, trained.err
    document = trained.document
    assert (document["version"], document["task"], document["metrics"]["main"]) == ("tiny:v1", task, main)
    assert 0 <= document["metrics"][main] <= 1
    shown = run_yolow("weights", "show", "tiny", "--json", cwd=workdir).document
    assert shown["record"]["task"] == task
    assert shown["record"]["metrics"]["main"] == main

    images = workdir / "tiny" / ("val" if task == "classify" else "images/val")
    predicted = run_yolow(
        "predict", images, "--weights", "tiny", "--imgsz", "64", "--conf", "0", "--save-txt", "--save-csv",
        "--save-json", "--json", cwd=workdir,
    )  # fmt: skip
    assert predicted.code == 0, predicted.err
    assert len(predicted.document["images"]) == 4
    for image in predicted.document["images"]:
        for one in image["detections"]:
            assert one["name"] in {"light", "dark"}
            assert (one["box_xyxy"] is None) == (task == "classify")
            assert extra is None or one[extra]
    if task in {"classify", "obb"}:
        assert predicted.document["images"][0]["detections"]

    measured = run_yolow("val", "tiny", "--imgsz", "64", "--json", cwd=workdir)
    assert measured.code == 0, measured.err
    assert measured.document["metrics"] == document["metrics"]
