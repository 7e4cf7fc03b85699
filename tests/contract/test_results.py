"""Validation and prediction: the attributes of their results, for every task."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_data import NAMES

from yolow.engine import evaluation
from yolow.engine.prediction import read_image

from .conftest import ARCHITECTURES, TinyTraining

pytestmark = pytest.mark.slow

# Networks after an epoch or two are sure of nothing.
_CONF = 1e-7


@pytest.fixture(scope="module", params=sorted(ARCHITECTURES))
def trained(request: pytest.FixtureRequest, trainings: Callable[[str], TinyTraining]) -> TinyTraining:
    """The training of each task in turn."""
    return trainings(request.param)


@pytest.fixture(scope="module")
def validated(
    ultralytics: Any, trained: TinyTraining, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Any, dict[str, int]]:
    """The task, the metrics object of a validation, and what its callbacks saw."""
    import torch
    from ultralytics.utils import NUM_THREADS

    seen: dict[str, int] = {}
    torch.set_num_threads(NUM_THREADS + 1)  # upstream sets it back
    model = ultralytics.YOLO(str(trained.trainer.best))
    model.add_callback("on_val_start", lambda _: seen.update(threads=torch.get_num_threads()))
    model.add_callback(
        "on_val_batch_end", lambda val: seen.update(batch=val.batch_i + 1, batches=len(val.dataloader))
    )
    model.add_callback("on_val_end", lambda val: seen.update(images=len(val.dataloader.dataset)))
    folder = tmp_path_factory.mktemp("validated")
    metrics = model.val(
        data=str(trained.data), split="val", imgsz=64, batch=2, device="cpu", conf=_CONF, iou=0.7, nms=None,
        plots=False, save_dir=str(folder), exist_ok=True, verbose=False, workers=0,
    )  # fmt: skip
    assert [path.name for path in folder.iterdir()] == []  # nothing but plots goes there
    return model.task, metrics, seen


def test_validation_callbacks(validated: tuple[str, Any, dict[str, int]]) -> None:
    """`on_val_start` comes after device selection, and batches can be counted: engine/evaluation.py `evaluate`."""
    from ultralytics.utils import NUM_THREADS

    _, _, seen = validated
    assert seen == {"threads": NUM_THREADS, "batch": 2, "batches": 2, "images": 4}


def test_validation_metrics(validated: tuple[str, Any, dict[str, int]]) -> None:
    """The names by which engine/evaluation.py `_metrics` reads upstream's numbers."""
    task, metrics, _ = validated
    if task == "classify":
        assert 0.0 <= metrics.top1 <= metrics.top5 == 1.0  # of two classes the right one is always among five
        return
    geometry = getattr(metrics, evaluation._GEOMETRY[task])
    for value in (geometry.mp, geometry.mr, geometry.map50, geometry.map):
        assert 0.0 <= float(value) <= 1.0
    assert float(geometry.map) <= float(geometry.map50)
    assert list(map(int, geometry.ap_class_index)) == [0, 1]
    rows = [geometry.class_result(position) for position in range(2)]
    assert sum(row[3] for row in rows) / 2 == pytest.approx(float(geometry.map))
    assert dict(metrics.names) == dict(enumerate(NAMES))
    assert [int(metrics.nt_per_class[class_id]) for class_id in (0, 1)] == [2, 2]
    assert [int(metrics.nt_per_image[class_id]) for class_id in (0, 1)] == [2, 2]


def test_masks_and_keypoints_are_judged_beside_boxes(validated: tuple[str, Any, dict[str, int]]) -> None:
    """`box` exists for segment and pose too: engine/evaluation.py `box_map50_95`."""
    task, metrics, _ = validated
    if task in {"segment", "pose"}:
        assert 0.0 <= float(metrics.box.map) <= 1.0
        assert metrics.box is not getattr(metrics, evaluation._GEOMETRY[task])


def test_the_best_epoch_is_chosen_by_fitness(validated: tuple[str, Any, dict[str, int]]) -> None:
    """Only for detect and obb is it the main metric alone: engine/training.py `best`, `patience`, `best_epoch`."""
    task, metrics, _ = validated
    if task == "classify":
        assert metrics.fitness == pytest.approx((metrics.top1 + metrics.top5) / 2)
        return
    metrics = copy.deepcopy(metrics)  # networks of an epoch have found nothing: give them something to weigh
    for name, value in {"box": 0.5, "seg": 0.25, "pose": 0.125}.items():
        if (geometry := getattr(metrics, name, None)) is not None:
            geometry.all_ap = np.full((2, 10), value)
    assert float(metrics.fitness) == {"detect": 0.5, "obb": 0.5, "segment": 0.75, "pose": 0.625}[task]


def _predict(model: Any, source: Any, **arguments: Any) -> Any:
    settings = {"conf": _CONF, "imgsz": 64, "max_det": 7, "device": "cpu", "save": False, "verbose": False}
    (result,) = model.predict(source, **(settings | arguments))
    return result


def test_prediction_results(ultralytics: Any, trained: TinyTraining) -> None:
    """The attributes that engine/prediction.py `_detections` reads, and their shapes."""
    task = trained.trainer.args.task
    image = next(
        trained.data.rglob("val/**/*.png")
        if trained.data.is_dir()
        else trained.data.parent.rglob("val/*.png")
    )
    result = _predict(ultralytics.YOLO(str(trained.trainer.best)), str(image))
    assert result.orig_shape == (64, 64)
    held = {
        name for name in ("boxes", "masks", "probs", "keypoints", "obb") if getattr(result, name) is not None
    }
    expected = {"detect": {"boxes"}, "segment": {"boxes", "masks"}, "pose": {"boxes", "keypoints"}}
    assert held == (expected | {"classify": {"probs"}, "obb": {"obb"}})[task]
    if task == "classify":
        assert sorted(result.probs.top5) == [0, 1]
        assert sum(result.probs.top5conf.tolist()) == pytest.approx(1.0, abs=1e-4)
        assert set(result.names) == {0, 1}
        return
    found = result.obb if task == "obb" else result.boxes
    count = len(found)
    assert 0 < count <= 7
    assert (tuple(found.cls.shape), tuple(found.conf.shape), tuple(found.xyxy.shape)) == (
        (count,),
        (count,),
        (count, 4),
    )
    assert found.conf.tolist() == sorted(found.conf.tolist(), reverse=True)
    if task == "segment":
        assert len(result.masks.xy) == count
        assert {outline.shape[1:] for outline in result.masks.xy} <= {(2,), (0,)}
    if task == "pose":
        assert tuple(result.keypoints.data.shape) == (count, 4, 3)
        assert (
            0.0
            <= float(result.keypoints.data[..., 2].min())
            <= float(result.keypoints.data[..., 2].max())
            <= 1.0
        )
    if task == "obb":
        assert tuple(result.obb.xyxyxyxy.shape) == (count, 4, 2)
    assert result.plot().shape == (64, 64, 3)


def test_a_decoded_array_gives_what_its_file_gives(ultralytics: Any, detect: TinyTraining) -> None:
    """engine/prediction.py decodes images itself, so that a broken one is known by name."""
    model = ultralytics.YOLO(str(detect.trainer.best))
    for file in (Path(ultralytics.ASSETS) / "bus.jpg", detect.data.parent / "images" / "val" / "000.png"):
        by_path, by_array = _predict(model, str(file)), _predict(model, [read_image(file)])
        assert len(by_path.boxes)
        assert by_path.boxes.data.tolist() == by_array.boxes.data.tolist()
        assert by_path.orig_shape == by_array.orig_shape


def test_predict_start_comes_after_device_selection(ultralytics: Any, detect: TinyTraining) -> None:
    """Threads set there hold while the network runs, in later calls too: engine/prediction.py `TorchPredictor`."""
    import torch
    from ultralytics.utils import NUM_THREADS

    marker = NUM_THREADS + 1
    seen: list[tuple[str, int]] = []
    model = ultralytics.YOLO(str(detect.trainer.best))

    def start(_predictor: Any) -> None:
        seen.append(("start", torch.get_num_threads()))
        torch.set_num_threads(marker)

    model.add_callback("on_predict_start", start)
    model.add_callback("on_predict_postprocess_end", lambda _: seen.append(("done", torch.get_num_threads())))
    image = read_image(detect.data.parent / "images" / "val" / "000.png")
    torch.set_num_threads(marker)
    for _ in range(2):
        _predict(model, [image])
    assert seen[:2] == [("start", NUM_THREADS), ("done", marker)]
    assert seen[3] == ("done", marker)


def test_nms_false_chooses_the_other_head(ultralytics: Any, detect: TinyTraining) -> None:
    """`nms=None` and `nms=False` give other boxes on yolo26: engine/prediction.py and evaluation.py `nms_free`."""
    image = read_image(detect.data.parent / "images" / "val" / "000.png")
    boxes = [
        _predict(ultralytics.YOLO(str(detect.trainer.best)), [image], nms=nms).boxes.data.tolist()
        for nms in (None, False)
    ]
    assert boxes[0] != boxes[1]


def test_an_unreadable_file_is_no_error_for_upstream(
    ultralytics: Any, detect: TinyTraining, tmp_path: Path
) -> None:
    """It is skipped with a warning where others follow: why engine/prediction.py decodes images itself."""
    good = detect.data.parent / "images" / "val" / "000.png"
    (tmp_path / "a.png").write_bytes(b"not an image")
    (tmp_path / "b.png").write_bytes(good.read_bytes())
    results = ultralytics.YOLO(str(detect.trainer.best)).predict(
        str(tmp_path), imgsz=64, device="cpu", verbose=False
    )
    assert [Path(result.path).name for result in results] == ["b.png"]


def test_counting_operations_needs_no_extra_package(ultralytics: Any, detect: TinyTraining) -> None:
    """`get_flops` gives 0 where it can't count; fusing drops a head: engine/evaluation.py `profile`."""
    from ultralytics.utils.torch_utils import get_flops

    network = ultralytics.YOLO(str(detect.trainer.best)).model.float().eval()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    fused = network.fuse()
    assert 1.0 < float(get_flops(fused, 640)) < 10.0
    assert sum(parameter.numel() for parameter in fused.parameters()) < parameters
