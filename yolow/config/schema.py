"""One run-config type per command: every key, its type, its range and its default.

The types are plain frozen dataclasses; pydantic only parses into them (`load.py`). Key spellings that
Ultralytics users know stay as they are (`epochs`, `imgsz`, `batch`, `patience`, `freeze`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

_FORBID_EXTRA = ConfigDict(extra="forbid")

GATE_PATTERN = r"^\s*[a-z0-9_]+\s*(>=|<=)\s*[0-9.eE+-]+\s*$"
DEVICE_PATTERN = r"^(auto|cpu|mps|cuda|cuda:\d+|\d+(,\d+)*)$"

# Wrong types are mistakes, not something to convert: `epochs: "15"` or `plots: 1` says so.
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
ImageSize = Annotated[Whole, Field(ge=32, le=8192, multiple_of=32)]
Batch = Annotated[Whole, Field(ge=1, le=4096)] | Literal[-1]
Device = Annotated[str, Field(pattern=DEVICE_PATTERN)]
Threads = Annotated[Whole, Field(ge=1, le=1024)] | Literal["auto"]
Ratio = Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
GateText = Annotated[str, Field(pattern=GATE_PATTERN)]
Optimizer = Literal["auto", "SGD", "MuSGD", "Adam", "Adamax", "AdamW", "NAdam", "RAdam", "RMSProp"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What `train` and `finetune` share.

    Attributes:
        data: data-set YAML (or a folder of class folders for classify), a path or a name in `configs/data/`.
        name: the version's name in the store; None: the data set's name.
        epochs: passes over the training split.
        imgsz: square training size in pixels, a multiple of 32.
        batch: images a step; -1 lets Ultralytics estimate what fits on one GPU.
        device: `auto`, `cpu`, `mps`, `0`, `0,1` (one process a GPU).
        seed: seeds weights, data order and augmentation.
        threads: CPU threads for torch; `auto`: all cores that this process may use.
        patience: stop when the validation metric has not improved for this many epochs; 0: never.
        optimizer: Ultralytics' choices; `auto` picks MuSGD or AdamW by the length of the run.
        plots: draw curves and sample batches.
        gate: limits that the result must meet to become a version, such as `map50_95 >= 0.40`.
        arguments: any other Ultralytics training argument by its own name (`lr0`, `mosaic`, …).
    """

    __pydantic_config__ = _FORBID_EXTRA

    data: str
    name: Name | None = None
    epochs: Annotated[Whole, Field(ge=1, le=100_000)] = 100
    imgsz: ImageSize = 640
    batch: Batch = 16
    device: Device = "auto"
    seed: Annotated[Whole, Field(ge=0, le=2**31 - 2)] = 0
    threads: Threads = "auto"
    patience: Annotated[Whole, Field(ge=0)] = 50
    optimizer: Optimizer = "auto"
    plots: Flag = True
    gate: tuple[GateText, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(TrainingConfig):
    """`yolow finetune`: adapt learned weights to new data.

    Attributes:
        weights: the reference to start from.
        freeze: `none`, `backbone` (all layers before the neck), or the first N layers.
    """

    weights: str = "yolo26n.pt"
    freeze: Literal["none", "backbone"] | Annotated[Whole, Field(ge=1, le=1000)] = "none"


@dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainingConfig):
    """`yolow train`: learn from random weights.

    Attributes:
        model: an Ultralytics architecture name or file, such as `yolo26n.yaml`.
    """

    model: str = "yolo26n.yaml"


@dataclass(frozen=True, kw_only=True)
class PredictConfig:
    """`yolow predict`: find objects in images and videos.

    Attributes:
        sources: files, folders, globs, URLs or videos.
        weights: any reference.
        conf: lowest confidence to report, in [0, 1].
        iou: overlap above which NMS drops the weaker of two boxes, in [0, 1].
        classes: report only these class ids or names; empty: all.
        imgsz: longest side of the network's input in pixels, a multiple of 32.
        max_det: most detections an image.
        device, threads, seed: as in training.
        nms_free: use the one-to-one head of YOLO26 without NMS.
        out: folder for annotated pictures and files.
        save: write annotated pictures.
        save_json, save_csv, save_txt: write `predictions.json` (COCO style), `predictions.csv`,
            `labels/*.txt`.
        max_bad_inputs: how many unreadable inputs still count as success.
        vid_stride: use every Nth frame of a video.
    """

    __pydantic_config__ = _FORBID_EXTRA

    sources: tuple[str, ...] = ()
    weights: str = "yolo26n.pt"
    conf: Ratio = 0.25
    iou: Ratio = 0.7
    classes: tuple[Whole | str, ...] = ()
    imgsz: ImageSize = 640
    max_det: Annotated[Whole, Field(ge=1, le=30_000)] = 300
    device: Device = "auto"
    threads: Threads = "auto"
    nms_free: Flag = False
    out: str = "predictions"
    save: Flag = True
    save_json: Flag = False
    save_csv: Flag = False
    save_txt: Flag = False
    max_bad_inputs: Annotated[Whole, Field(ge=0)] = 0
    vid_stride: Annotated[Whole, Field(ge=1)] = 1


@dataclass(frozen=True, kw_only=True)
class ValConfig:
    """`yolow val`: measure weights on a split.

    Attributes:
        weights: any reference.
        data: data-set YAML or class folder; None: the data that the version was trained on.
        split: `train`, `val` or `test`.
        imgsz: square size in pixels, a multiple of 32.
        batch: images a step.
        conf: lowest confidence that counts, in [0, 1]; None: Ultralytics' default (0.001; obb 0.01).
        iou: NMS overlap in [0, 1].
        device, threads: as in training.
        nms_free: use the one-to-one head of YOLO26 without NMS.
        plots: draw precision-recall curves and the confusion matrix into `out`.
        out: folder for plots.
        gate: limits to meet, exit code 1 otherwise.
    """

    __pydantic_config__ = _FORBID_EXTRA

    weights: str = "yolo26n.pt"
    data: str | None = None
    split: Literal["train", "val", "test"] = "val"
    imgsz: ImageSize = 640
    batch: Annotated[Whole, Field(ge=1, le=4096)] = 16
    conf: Ratio | None = None
    iou: Ratio = 0.7
    device: Device = "auto"
    threads: Threads = "auto"
    nms_free: Flag = False
    plots: Flag = False
    out: str = "validation"
    gate: tuple[GateText, ...] = ()
