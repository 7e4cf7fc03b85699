"""Count what a split holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from yolow.data.dataset_types import Split
from yolow.data.scan import Scan


@dataclass(frozen=True, kw_only=True)
class SplitFacts:
    """What a split holds.

    Attributes:
        name: `train`, `val` or `test`.
        images: all images.
        labelled: images with at least one object (classification: all sound images).
        background: sound images without objects: their label file is empty or missing.
        corrupt: images that can't be used, for their own sake or their label file's.
        instances: objects, repeated label lines counted once.
        instances_per_class: class id -> objects; classes without any are left out.
    """

    name: str
    images: int
    labelled: int = 0
    background: int = 0
    corrupt: int = 0
    instances: int = 0
    instances_per_class: dict[int, int] = field(default_factory=dict)


def split_facts(split: Split, scan: Scan) -> SplitFacts:
    """Count images and objects of one split."""
    per_class: Counter[int] = Counter()
    labelled = background = corrupt = 0
    for index, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
        found = scan.labels[label] if label is not None else None
        if scan.images[image].fault or (found is not None and found.fault_count):
            corrupt += 1
        elif split.class_ids is not None:
            labelled += 1
            per_class[split.class_ids[index]] += 1
        elif found is None or not found.instances:
            background += 1
        else:
            labelled += 1
            for class_id, count, _ in found.classes:
                per_class[class_id] += count
    return SplitFacts(
        name=split.name,
        images=len(split.images),
        labelled=labelled,
        background=background,
        corrupt=corrupt,
        instances=sum(per_class.values()),
        instances_per_class=dict(sorted(per_class.items())),
    )
