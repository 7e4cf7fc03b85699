"""Check a data set before anything is trained on it: every fault in one report."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from yolow.data.dataset_types import Dataset, Split, shown
from yolow.data.faults import Faults, counted
from yolow.data.manifest import fingerprint, manifest
from yolow.data.scan import Scan, scan_files
from yolow.data.split_facts import SplitFacts, split_facts
from yolow.data.split_files import label_path
from yolow.data.warnings_of import find_warnings
from yolow.errors import DataError
from yolow.progress import Progress

__all__ = ["DataCheck", "SplitFacts", "check_dataset", "raise_for_errors"]

LabelFormat = Literal["boxes", "polygons", "obb", "keypoints", "classes", "none", "mixed"]

# task -> (the kinds of label lines that it can use, how to say what it needs)
_USABLE: dict[str, tuple[frozenset[str], str]] = {
    "segment": (frozenset({"polygons", "obb"}), "polygons: a class and at least three points"),
    "pose": (frozenset({"keypoints"}), "keypoints: a class, a box and the points of `kpt_shape`"),
    "obb": (frozenset({"obb"}), "9 columns: a class and four corners"),
}
_KIND_IN_WORDS = {"boxes": "a box", "polygons": "a polygon", "obb": "four corners", "keypoints": "keypoints"}


@dataclass(frozen=True, kw_only=True)
class DataCheck:
    """What a check found.

    Attributes:
        dataset: what was checked.
        splits: counts by split.
        errors: one line a fault, at most 20 of a kind; empty for a sound data set.
        error_count: all faults, the ones that `errors` leaves out included.
        warnings: one sentence each.
        manifest: the content image by image, and
        fingerprint: its digest; see `yolow.data.manifest`.
        label_format: what kind of label lines there are.
        rewritable: images that upstream would save anew in place; the private view holds copies of them.
    """

    dataset: Dataset
    splits: dict[str, SplitFacts]
    errors: tuple[str, ...]
    error_count: int
    warnings: tuple[str, ...]
    manifest: str
    fingerprint: str
    label_format: LabelFormat
    rewritable: frozenset[Path]


def check_dataset(
    dataset: Dataset, *, task: str | None, cache_dir: Path | None, progress: Progress
) -> DataCheck:
    """Read every image and label of the loaded splits and judge them.

    Args:
        dataset: the loaded data set.
        task: `detect`, `segment`, `classify`, `pose` or `obb`; None accepts every kind of label.
        cache_dir: yolow's cache, where findings on unchanged files are kept; None keeps none.
        progress: is told of each finished file.
    """
    scan = scan_files(dataset, cache_dir=cache_dir, progress=progress)
    splits = {name: split_facts(split, scan) for name, split in dataset.splits.items()}
    faults = Faults()
    fits = _check_task(dataset, task, faults)
    for split in dataset.splits.values():
        _check_split(split, dataset, scan, faults)
        if fits and task in _USABLE:
            _check_kinds(split, dataset, scan, task, faults)
    if dataset.kind == "detect-like" and "train" in dataset.splits:
        _check_labelled(dataset.splits["train"], dataset, scan, faults)
    listed = manifest(dataset, scan)
    return DataCheck(
        dataset=dataset,
        splits=splits,
        errors=faults.lines(),
        error_count=faults.total,
        warnings=find_warnings(dataset, scan, splits),
        manifest=listed,
        fingerprint=fingerprint(listed),
        label_format=_label_format(dataset, scan, task),
        rewritable=frozenset(path for path, image in scan.images.items() if image.rewritten),
    )


def raise_for_errors(check: DataCheck) -> None:
    """
    Raises:
        DataError: the check found faults; all of them are in the context.
    """
    if check.errors:
        raise DataError(
            f"the data set has {counted(check.error_count, 'fault')}",
            context=(f"data set: {check.dataset.path}", *check.errors),
            hint=f"mend them, then check again: yolow finetune --data {shlex.quote(str(check.dataset.path))} --dry-run",
        )


def _check_task(dataset: Dataset, task: str | None, faults: Faults) -> bool:
    """Whether labels can be judged by the task at all."""
    if task == "classify" and dataset.kind != "classify":
        faults.add("task", "classify needs a folder with train/CLASS/ and val/CLASS/, not a YAML file")
    elif task is not None and task != "classify" and dataset.kind == "classify":
        faults.add("task", f"{task} needs a YAML file with labelled images, not a folder of images by class")
    elif task == "pose" and dataset.kpt_shape is None:
        faults.add("task", f"pose needs `kpt_shape` in {dataset.path.name}, such as `kpt_shape: [17, 3]`")
    else:
        return True
    return False


def _check_split(split: Split, dataset: Dataset, scan: Scan, faults: Faults) -> None:
    root = dataset.root
    if not split.images:
        faults.add("empty", f"{split.name}: no images in {split.source}")
    for image, label in zip(split.images, split.labels, strict=True):
        if (what := scan.images[image].fault) is not None:
            faults.add("image", f"{shown(image, root)}: {what}")
        if label is None:
            continue
        found, name = scan.labels[label], shown(label, root)
        for line, what in found.faults:
            faults.add("label", f"{name}:{line}: {what}" if line else f"{name}: {what}")
        if more := found.fault_count - len(found.faults):
            faults.add("label", f"{name}: {counted(more, 'more fault')} in this file", count=more)
        for class_id, count, line in found.classes:
            if class_id not in dataset.names:
                what = f"class {class_id}, but the classes are 0 to {len(dataset.names) - 1}"
                faults.add("class", f"{name}:{line}: {what}", count=count)


def _check_kinds(split: Split, dataset: Dataset, scan: Scan, task: str, faults: Faults) -> None:
    usable, needed = _USABLE[task]
    for label in split.labels:
        for kind, line in scan.labels[label].kinds if label is not None else ():
            if kind not in usable:
                name = shown(label, dataset.root) if label is not None else ""
                faults.add("kind", f"{name}:{line}: {_KIND_IN_WORDS[kind]}, but {task} needs {needed}")


def _check_labelled(train: Split, dataset: Dataset, scan: Scan, faults: Faults) -> None:
    found = (scan.labels[label] for label in train.labels if label is not None)
    if train.images and not any(label.instances or label.fault_count for label in found):
        first = train.images[0]
        example = f"{shown(first, dataset.root)} needs {shown(label_path(first), dataset.root)}"
        faults.add("unlabelled", f"train: no labels at all ({example})")


def _label_format(dataset: Dataset, scan: Scan, task: str | None) -> LabelFormat:
    if dataset.kind == "classify":
        return "classes"
    kinds = {kind for label in scan.labels.values() for kind, _ in label.kinds}
    if kinds == {"polygons", "obb"} or (kinds == {"obb"} and task == "segment"):
        return "polygons"  # four points are a polygon too
    if len(kinds) > 1:
        return "mixed"
    only: dict[str, LabelFormat] = {
        "boxes": "boxes",
        "polygons": "polygons",
        "obb": "obb",
        "keypoints": "keypoints",
    }
    return only[kinds.pop()] if kinds else "none"
