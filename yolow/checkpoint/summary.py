"""What is inside a checkpoint, read without executing it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolow.checkpoint.network import attributes, class_name, has_one2one_head, is_fused, layers, mapping
from yolow.checkpoint.plain import Unfolder
from yolow.checkpoint.verified import Verified, read_verified, readable

_TASKS = {
    "DetectionModel": "detect",
    "RTDETRDetectionModel": "detect",
    "WorldModel": "detect",
    "YOLOEModel": "detect",
    "YOLOv10DetectionModel": "detect",
    "SegmentationModel": "segment",
    "YOLOESegModel": "segment",
    "ClassificationModel": "classify",
    "PoseModel": "pose",
    "OBBModel": "obb",
    "SemanticSegmentationModel": "semantic",
    "DepthModel": "depth",
}
_FAMILY = re.compile(r"(yoloe?-?v?\d+)([a-z])?(.*)")


@dataclass(frozen=True, kw_only=True)
class CheckpointSummary:
    """Facts about an Ultralytics checkpoint.

    Attributes:
        path: the file.
        size_bytes: its size.
        task: by the network's class, as Ultralytics names tasks; None for a class of no known task.
        names: the classes by class id.
        architecture: such as `yolo26n`, from the network's own YAML; None where it names none.
        imgsz: image size that it was trained with, in pixels.
        parameters: values of all trainable tensors, those of both heads included.
        dtypes: the same by dtype.
        epoch: last finished epoch (from 0) of a training that can be resumed; None after stripping.
        has_optimizer: whether the optimizer's state is there.
        fused: whether batch normalisation was folded into convolutions.
        end2end: whether it has a one-to-one head, which needs no NMS.
        kpt_shape: number of keypoints and values of each; None for other tasks.
        layers: layers of the top Sequential, the head included.
        backbone_layers: how many of them are the backbone; None where the YAML doesn't say.
        train_args: arguments of the training, those that are plain values.
        train_metrics: metrics of the last validation, under Ultralytics' names.
        version: of Ultralytics, that wrote it.
        date: when it was written, ISO 8601.
        license: as the file says.
        globals: everything that the pickle names, `module.name`, sorted.
    """

    path: Path
    size_bytes: int
    task: str | None
    names: dict[int, str]
    architecture: str | None
    imgsz: int | None
    parameters: int
    dtypes: dict[str, int]
    epoch: int | None
    has_optimizer: bool
    fused: bool
    end2end: bool
    kpt_shape: tuple[int, int] | None
    layers: int
    backbone_layers: int | None
    train_args: dict[str, Any]
    train_metrics: dict[str, float]
    version: str | None
    date: str | None
    license: str | None
    globals: tuple[str, ...]


def read_checkpoint(path: Path) -> CheckpointSummary:
    """Read a checkpoint with inert stand-ins: nothing that it names is imported or called.

    The whole file is verified on the way: the archive's structure, the checksums of the pickle and of every tensor,
    and that each tensor lies within its storage. No unexpected globals is all that this says about the content.

    Raises:
        WeightsNotFoundError: there is no such file.
        WeightsError: it is not an Ultralytics checkpoint, or it is damaged.
        WeightsRefusedError: it names code that a checkpoint has no use for.
    """
    verified = read_verified(path)
    with readable(path):
        return summarize(verified)


def summarize(verified: Verified) -> CheckpointSummary:
    """The facts of a checkpoint that was verified.

    Raises:
        TooManyValuesError: its settings unfold without end.
    """
    checkpoint, network = verified.checkpoint, verified.network
    state = attributes(network)
    unfold = Unfolder()
    config = unfold.settings(state.get("yaml"))
    train_args = unfold.settings(checkpoint.get("train_args"))
    model_args = unfold.settings(state.get("args"))
    backbone = config.get("backbone")
    epoch = checkpoint.get("epoch")
    dtypes: Counter[str] = Counter()
    for parameter in verified.table.parameters():
        dtypes[parameter.dtype] += parameter.values
    return CheckpointSummary(
        path=verified.path,
        size_bytes=verified.size_bytes,
        task=_TASKS.get(class_name(network) or ""),
        names=_names(unfold.plain(state.get("names"))),
        architecture=_architecture(config),
        imgsz=_imgsz(train_args.get("imgsz", model_args.get("imgsz"))),
        parameters=sum(dtypes.values()),
        dtypes=dict(dtypes),
        epoch=epoch if type(epoch) is int and epoch >= 0 else None,
        has_optimizer=checkpoint.get("optimizer") is not None,
        fused=is_fused(made for _, made in verified.table.modules),
        end2end=has_one2one_head(network),
        kpt_shape=_kpt_shape(state.get("kpt_shape", config.get("kpt_shape"))),
        layers=len(layers(network)),
        backbone_layers=len(backbone) if type(backbone) is list else None,
        train_args=train_args,
        train_metrics={
            key: float(value)
            for key, value in unfold.settings(checkpoint.get("train_metrics")).items()
            if type(value) in (int, float)
        },
        version=_text_or_none(unfold.plain(checkpoint.get("version"))),
        date=_text_or_none(unfold.plain(checkpoint.get("date"))),
        license=_text_or_none(unfold.plain(checkpoint.get("license"))),
        globals=tuple(sorted({one.full_name for one in verified.found.named.values()})),
    )


def _names(value: Any) -> dict[int, str]:
    pairs = enumerate(value) if type(value) is list else mapping(value).items()
    return {key: str(name) for key, name in pairs if type(key) is int and type(name) in (str, int)}


def _architecture(config: dict[str, Any]) -> str | None:
    """`yolo26n-seg` from `yolo26-seg.yaml` and its scale `n`, or from `yolo26n-seg.yaml`."""
    file, scale = config.get("yaml_file"), config.get("scale")
    if type(file) is not str:
        return None
    stem = file.replace("\\", "/").rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml")
    match = _FAMILY.fullmatch(stem)
    if match and match[2] is None and type(scale) is str:
        return f"{match[1]}{scale}{match[3]}"
    return stem


def _imgsz(value: Any) -> int | None:
    sizes = value if type(value) is list else [value]
    return max((size for size in sizes if type(size) is int), default=None)


def _kpt_shape(value: Any) -> tuple[int, int] | None:
    if type(value) in (list, tuple) and len(value) == 2 and all(type(size) is int for size in value):
        return value[0], value[1]
    return None


def _text_or_none(value: Any) -> str | None:
    return value if type(value) is str else None
