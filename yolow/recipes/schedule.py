"""The optimizer schedule of short fine-tunings.

Upstream's `optimizer=auto` collects the gradients of 64 images for one step, whatever the batch. On a small data
set few steps are left: 181 images and 15 epochs make 45, three epochs of which only warm up. One step a batch, at a
learning rate scaled down by the square root of the ratio of the two batch sizes, learns more in the same time
(measured: see the README).

The square-root rule for Adam's family: Malladi et al., "On the SDEs and Scaling Rules for Adaptive Gradient
Algorithms", NeurIPS 2022 (arXiv 2205.10287).
"""

from __future__ import annotations

import math
from typing import Any

# Upstream collects gradients until it has seen this many images (its `nbs`).
UPSTREAM_STEP_IMAGES = 64
# From here on, upstream's own schedule has steps enough.
MANY_STEPS = 1000
# Arguments by which a user takes the schedule into their own hands.
SCHEDULE_ARGUMENTS = frozenset(
    {"lr0", "nbs", "momentum", "warmup_epochs", "warmup_bias_lr", "warmup_momentum", "distill_model"}
)


def short_schedule(*, images: int, epochs: int, batch: int, classes: int) -> dict[str, Any] | None:
    """Training arguments for a fine-tuning with few optimizer steps; None where upstream's own choice is fine.

    Args:
        images: of the training split.
        epochs: planned.
        batch: images a batch; -1 (unknown before the GPU is measured) keeps upstream's choice.
        classes: of the data set; upstream's learning rate falls with their number.
    """
    steps = math.ceil(images / max(batch, UPSTREAM_STEP_IMAGES)) * epochs
    if batch < 1 or batch >= UPSTREAM_STEP_IMAGES or steps >= MANY_STEPS:
        return None
    upstream_rate = 0.002 * 5 / (4 + classes)
    return {
        "optimizer": "AdamW",
        "nbs": batch,
        "lr0": round(upstream_rate * math.sqrt(batch / UPSTREAM_STEP_IMAGES), 6),
        "momentum": 0.9,
        "warmup_epochs": 1.0,
        "warmup_bias_lr": 0.0,
    }
