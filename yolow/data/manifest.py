"""The content of a data set as text, image by image, and the one digest of it: the fingerprint.

The manifest is JSON lines in ASCII: first the classes and what else gives labels their meaning, then one row an image,
sorted: `[split, name, SHA-256 of the image's bytes, label]`. The label is the SHA-256 of what its file says,
`class NAME` in a set of class folders, or `none`. Images are named by their path below the folder that all images of
the split share, so that neither the data set's place nor the layout above the images matters; order in lists and YAML
does not matter either. The fingerprint is the SHA-256 of the manifest, so that a kept manifest proves itself.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from yolow.data.dataset_types import Dataset, Split
from yolow.data.scan import Scan
from yolow.errors import DataError

# Its name inside a run and a version.
MANIFEST_FILE = "data.jsonl"


@dataclass(frozen=True, kw_only=True)
class ManifestDifference:
    """How many images of one data set differ from those of another, and how.

    Attributes:
        added, removed: images that only the second, only the first has.
        changed: images of the same split and name with other bytes.
        relabelled: the same bytes with another label.
        moved: the same bytes in another split or under another name.
    """

    added: int
    removed: int
    changed: int
    relabelled: int
    moved: int


def manifest(dataset: Dataset, scan: Scan) -> str:
    """The manifest of a scanned data set."""
    head = {
        "names": sorted(dataset.names.items()),
        "kpt_shape": dataset.kpt_shape,
        "flip_idx": dataset.flip_idx,
        "channels": dataset.channels,
    }
    rows = sorted(row for split in dataset.splits.values() for row in _rows(split, dataset, scan))
    return "".join(json.dumps(part, ensure_ascii=True, sort_keys=True) + "\n" for part in (head, *rows))


def fingerprint(text: str) -> str:
    """SHA-256 of a manifest, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def compare_manifests(before: str, after: str) -> ManifestDifference:
    """Count what differs between two data sets.

    Images of one split and name are compared first; the others are paired by their bytes; what is then left was added
    or removed.

    Raises:
        DataError: one of the texts is no manifest.
    """
    ours, theirs = _by_place(before), _by_place(after)
    shared = ours.keys() & theirs.keys()
    same_bytes = [place for place in shared if ours[place][0] == theirs[place][0]]
    gone = [ours[place] for place in ours.keys() - shared]
    come = [theirs[place] for place in theirs.keys() - shared]
    moved = (Counter(image for image, _ in gone) & Counter(image for image, _ in come)).total()
    moved_with_label = (Counter(gone) & Counter(come)).total()
    return ManifestDifference(
        added=len(come) - moved,
        removed=len(gone) - moved,
        changed=len(shared) - len(same_bytes),
        relabelled=sum(ours[place][1] != theirs[place][1] for place in same_bytes) + moved - moved_with_label,
        moved=moved,
    )


def _by_place(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Split and name of every image -> digest of its bytes, and its label."""
    places = {}
    for line in text.splitlines()[1:]:
        try:
            split, name, image, label = json.loads(line)
        except (ValueError, TypeError) as error:
            raise DataError("the manifest of the data can't be read", context=[line[:100]]) from error
        places[str(split), str(name)] = (str(image), str(label))
    return places


def _rows(split: Split, dataset: Dataset, scan: Scan) -> Iterator[tuple[str, str, str, str]]:
    if not split.images:
        return
    shared = os.path.commonpath([image.parent for image in split.images])
    for index, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
        if split.class_ids is not None:
            meaning = f"class {dataset.names[split.class_ids[index]]}"
        else:
            meaning = scan.labels[label].sha256 if label is not None else "none"
        yield split.name, _relative(image, shared), scan.images[image].sha256, meaning


def _relative(image: Path, shared: str) -> str:
    # Plain text, since `Path.relative_to` costs more than all digests together on large sets.
    return str(image)[len(shared) :].lstrip(os.sep).replace(os.sep, "/")
