"""Whatever Ultralytics writes is read without a false alarm, and is what torch says it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from real_checkpoints import run_with_ultralytics


def _compared(folder: Path, *names: str) -> list[str]:
    run_with_ultralytics("compare_with_torch.py", folder, *names)
    told = json.loads((folder / "compared.json").read_text())
    assert told["differences"] == []
    compared: list[str] = told["compared"]
    return compared


def test_all_ways_to_save_a_detector(tmp_path: Path) -> None:
    compared = _compared(tmp_path, "classes", "yolo26n", "yolov8n-rtdetr")
    assert "yolo26n stripped" in compared
    assert len(compared) == 1 + 9 + 2


@pytest.mark.slow
def test_every_network_that_ultralytics_ships(tmp_path: Path) -> None:
    compared = _compared(tmp_path, "all")
    networks = {name.partition(" ")[0] for name in compared}
    assert len(networks) > 50
    assert {
        "yolo26n",
        "yolo26n-seg",
        "yolo12n-cls",
        "yoloe-26n-seg",
        "yolov9t",
        "rtdetr-l",
        "yolov5n-p6",
    } <= networks


@pytest.mark.slow
def test_every_scale_of_yolo26(tmp_path: Path) -> None:
    compared = _compared(tmp_path, "yolo26s", "yolo26m", "yolo26l", "yolo26x")
    assert len(compared) == 8
