"""What Ultralytics makes of files and data sets; a process of its own: `python upstream_probe.py JOB.json`.

Reads `{"labels": [[image, label, kpt_shape or null, keypoints]], "images": [path], "datasets": [[yaml, split, task]],
"class_folders": [[folder, split]]}` and prints the answers as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ultralytics.cfg import get_cfg
from ultralytics.data.dataset import ClassificationDataset, YOLODataset
from ultralytics.data.utils import (
    IMG_FORMATS,
    check_cls_dataset,
    check_det_dataset,
    check_image,
    verify_image_label,
)


def _label(image: str, label: str, kpt_shape: list[int] | None, keypoints: bool) -> int | None:
    """Objects of an accepted label file, or None."""
    count, dimensions = kpt_shape or (0, 0)
    found = verify_image_label((image, label, "", keypoints, 2, count, dimensions, False))
    return None if found[0] is None else len(found[1])


def _image(path: str) -> str | None:
    """What upstream says on accepting an image, or None."""
    try:
        return str(check_image(path)[0])
    except Exception:
        return None


def _dataset(yaml: str, split: str, task: str) -> list[Any]:
    """[image's name, sizes in pixels, objects, bytes of the file it leads to] in upstream's order."""
    data = check_det_dataset(yaml, split=split)
    found = YOLODataset(img_path=data[split], imgsz=32, augment=False, data=data, task=task)
    return [
        [
            Path(label["im_file"]).name,
            list(label["shape"]),
            len(label["cls"]),
            Path(label["im_file"]).stat().st_size,
        ]
        for label in found.labels
    ]


def _class_folder(folder: str, split: str) -> list[Any]:
    data = check_cls_dataset(folder, split=split)
    found = ClassificationDataset(data[split], get_cfg(), prefix=split, names=data["names"])
    return [data["names"], [[Path(sample[0]).name, sample[1]] for sample in found.samples]]


job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
answers = {
    "formats": sorted(IMG_FORMATS),
    "labels": [_label(*item) for item in job["labels"]],
    "images": [_image(item) for item in job["images"]],
    "datasets": [_dataset(*item) for item in job["datasets"]],
    "class_folders": [_class_folder(*item) for item in job["class_folders"]],
}
Path(sys.argv[2]).write_text(json.dumps(answers), encoding="utf-8")
