"""Ultralytics' trainers, one per task, with the one behaviour that yolow needs to differ.

This module is imported by distributed workers too, which unpickle these classes by name; there the environment is
inherited from the process that prepared it (`upstream.load`).
"""

from __future__ import annotations

from typing import Any

from ultralytics.models.yolo.classify import ClassificationTrainer
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.models.yolo.obb import OBBTrainer
from ultralytics.models.yolo.pose import PoseTrainer
from ultralytics.models.yolo.segment import SegmentationTrainer


class _NoFinalEvaluation:
    """Leave the checkpoints resumable and the last measurement to yolow.

    Upstream's final evaluation strips the optimizer from `last.pt`, so that a run that is killed in it can't be
    resumed, and measures the result in another way than `yolow val` does.
    """

    def final_eval(self) -> None:
        pass


class DetectTrainer(_NoFinalEvaluation, DetectionTrainer):
    """Trains `detect` networks."""


class SegmentTrainer(_NoFinalEvaluation, SegmentationTrainer):
    """Trains `segment` networks."""


class ClassifyTrainer(_NoFinalEvaluation, ClassificationTrainer):
    """Trains `classify` networks."""


class KeypointTrainer(_NoFinalEvaluation, PoseTrainer):
    """Trains `pose` networks."""


class RotatedTrainer(_NoFinalEvaluation, OBBTrainer):
    """Trains `obb` networks."""


TRAINERS: dict[str, type[Any]] = {
    "detect": DetectTrainer,
    "segment": SegmentTrainer,
    "classify": ClassifyTrainer,
    "pose": KeypointTrainer,
    "obb": RotatedTrainer,
}
