"""How good weights are (`Metrics`) and what they cost (`Profile`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ClassMetrics:
    """The quality of one class; all four ratios in [0, 1].

    Attributes:
        class_id: the index in the network's class list.
        name: the class name.
        images: images of the split that hold at least one object of this class.
        instances: labelled objects of this class in the split.
    """

    class_id: int
    name: str
    images: int
    instances: int
    precision: float
    recall: float
    map50: float
    map50_95: float


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Quality on one split of one data set; every ratio is in [0, 1].

    `main` names the field by which weights of this task are compared: `map50_95` for detect, and for segment,
    pose and obb that of their own geometry (masks, keypoints, rotated boxes), `top1` for classify. Fields
    that a task doesn't have are None.

    Attributes:
        split: `train`, `val` or `test`.
        images: how many images were evaluated.
        precision: at the confidence of the best F1, mean over classes.
        recall: at the same confidence, mean over classes.
        map50: mean average precision at IoU 0.50.
        map50_95: mean average precision over IoU 0.50 to 0.95 in steps of 0.05 (COCO's main metric).
        box_map50_95: for segment and pose: the same of the boxes.
        top1: classify: share of images whose best class is right.
        top5: classify: share of images whose five best classes hold the right one.
        per_class: detection-like tasks: one entry for each class that occurs in the split.
    """

    split: str
    images: int
    precision: float | None = None
    recall: float | None = None
    map50: float | None = None
    map50_95: float | None = None
    box_map50_95: float | None = None
    top1: float | None = None
    top5: float | None = None
    main: str = "map50_95"
    per_class: tuple[ClassMetrics, ...] = ()

    @property
    def main_value(self) -> float | None:
        """The value of the metric that `main` names."""
        value: float | None = getattr(self, self.main)
        return value


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What weights cost, and under which conditions that was measured.

    Attributes:
        parameters: values that training can change, as in the saved network (both heads).
        gflops: floating-point operations of one image in units of 10^9, at `imgsz`.
        size_bytes: the weights file, or all files of an export folder.
        latency_ms: median milliseconds for one image through the network alone (no decoding, no NMS), or None
            where it was not measured.
        imgsz: input height and width in pixels, at which gflops and latency hold.
        batch: images a call in the latency measurement.
        threads: CPU threads in the latency measurement.
        device: `cpu`, `cuda:0`, … as measured.
        runtime: what ran the network: `torch`, later `openvino`, `onnxruntime`, ….
        precision: `float32`, `float16`, `bfloat16` or `int8`.
    """

    parameters: int
    gflops: float | None
    size_bytes: int
    latency_ms: float | None = None
    imgsz: int = 640
    batch: int = 1
    threads: int | None = None
    device: str = "cpu"
    runtime: str = "torch"
    precision: str = "float32"
