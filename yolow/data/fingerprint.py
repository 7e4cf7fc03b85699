"""One digest for the content of a data set: equal wherever the same data lies, different when any of it changes."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from yolow.data.dataset_types import Dataset, Split
from yolow.data.scan import Scan


def fingerprint(dataset: Dataset, scan: Scan) -> str:
    """SHA-256 (64 hexadecimal digits) over classes, and over split, name, image bytes and label of every image.

    Images are named by their path below the folder that all images of the split share, so that neither the data
    set's place nor the layout above the images matters. Order in lists and YAML does not matter either.
    """
    head = {
        "names": sorted(dataset.names.items()),
        "kpt_shape": dataset.kpt_shape,
        "flip_idx": dataset.flip_idx,
        "channels": dataset.channels,
    }
    rows = sorted(row for split in dataset.splits.values() for row in _rows(split, dataset, scan))
    digest = hashlib.sha256()
    for part in (head, *rows):
        digest.update(json.dumps(part, ensure_ascii=True, sort_keys=True).encode("ascii") + b"\n")
    return digest.hexdigest()


def _rows(split: Split, dataset: Dataset, scan: Scan) -> list[tuple[str, str, str, str]]:
    if not split.images:
        return []
    shared = os.path.commonpath([image.parent for image in split.images])
    rows = []
    for index, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
        if split.class_ids is not None:
            meaning = f"class {dataset.names[split.class_ids[index]]}"
        else:
            meaning = scan.labels[label].sha256 if label is not None else "none"
        rows.append((split.name, _relative(image, shared), scan.images[image].sha256, meaning))
    return rows


def _relative(image: Path, shared: str) -> str:
    # Plain text, since `Path.relative_to` costs more than all digests together on large sets.
    return str(image)[len(shared) :].lstrip(os.sep).replace(os.sep, "/")
