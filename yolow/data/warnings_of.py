"""What is odd about a data set without being wrong: it stays in the report of whatever was trained on it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from yolow.data.dataset_types import Dataset, Split, printable, shown
from yolow.data.faults import counted, some
from yolow.data.scan import Scan
from yolow.data.split_facts import SplitFacts
from yolow.data.split_files import is_image_name, label_path

# Class lists that labelling tools leave beside the labels.
_NO_LABELS = frozenset({"classes.txt", "labels.txt", "notes.txt", "readme.txt", "obj.names.txt"})


def find_warnings(dataset: Dataset, scan: Scan, facts: Mapping[str, SplitFacts]) -> tuple[str, ...]:
    """All warnings, one sentence each."""
    found = [*dataset.notes, *_leaks(dataset, scan), *_unmeasurable(dataset, facts)]
    distinct = {split.images: split for split in reversed(dataset.splits.values())}
    for split in reversed(distinct.values()):
        found.extend(_missing_labels(split, dataset))
        found.extend(_odd_labels(split, dataset, scan))
        found.extend(_odd_files(split, dataset, scan))
    found.extend(_orphans(dataset))
    found.extend(_caches(dataset))
    return tuple(map(printable, found))


def _leaks(dataset: Dataset, scan: Scan) -> Iterator[str]:
    """Images that a network would be measured on after it has learned them."""
    train = dataset.splits.get("train")
    if train is None or not train.images:
        return
    trained = {scan.images[image].sha256: image for image in train.images if scan.images[image].sha256}
    for name, split in dataset.splits.items():
        if name == "train":
            continue
        if set(split.images) == set(train.images):
            yield f"train and {name} are the same images ({split.source}): metrics will be too good"
            continue
        pairs = [
            (trained[sha256], image)
            for image in split.images
            if (sha256 := scan.images[image].sha256) in trained
        ]
        if pairs:
            listed = some(pairs, lambda pair: " = ".join(shown(image, dataset.root) for image in pair))
            yield f"train and {name} share {counted(len(pairs), 'image')}: {listed}"


def _unmeasurable(dataset: Dataset, facts: Mapping[str, SplitFacts]) -> Iterator[str]:
    train = facts.get("train")
    for name, split in facts.items():
        if name == "train" or not split.images:
            continue
        if dataset.kind == "detect-like" and not split.instances:
            yield f"{name} has no labelled objects: its metrics will be zero"
        if train is not None:
            never = [
                f"'{dataset.names[class_id]}'"
                for class_id in split.instances_per_class
                if class_id in dataset.names and class_id not in train.instances_per_class
            ]
            if never:
                yield f"{counted(len(never), 'class')} of {name} never in train: {some(never)}"


def _missing_labels(split: Split, dataset: Dataset) -> Iterator[str]:
    if dataset.kind == "classify":
        return
    missing = [image for image, label in zip(split.images, split.labels, strict=True) if label is None]
    if missing:
        count = f"{len(missing):,} of {counted(len(split.images), 'image')}"
        yield f"{split.name}: {count} without a label file, taken as background: {some(missing, _namer(dataset))}"


def _odd_labels(split: Split, dataset: Dataset, scan: Scan) -> Iterator[str]:
    say = _namer(dataset)
    labels = {label: scan.labels[label] for label in split.labels if label is not None}
    for field, noun, rest in (
        ("duplicates", "repeated label line", "used once"),
        ("over_edge", "object", "reaching over the image's edge"),
        ("without_area", "object", "without width or height"),
    ):
        files = [label for label, facts in labels.items() if getattr(facts, field)]
        count = sum(getattr(facts, field) for facts in labels.values())
        if count:
            yield f"{split.name}: {counted(count, noun)} {rest}: {some(files, say)}"
    owners = Counter(label_path(image) for image in dict.fromkeys(split.images))
    shared = [label for label, count in owners.items() if count > 1 and label in labels]
    if shared:
        yield f"{split.name}: label files that serve several images of one name: {some(shared, say)}"


def _odd_files(split: Split, dataset: Dataset, scan: Scan) -> Iterator[str]:
    say = _namer(dataset)
    if split.ignored:
        kinds = Counter(path.suffix.lower() or "no suffix" for path in split.ignored)
        listed = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))
        yield f"{split.name}: {counted(len(split.ignored), 'file')} of other kinds left out: {listed}"
    twice = [image for image, count in Counter(split.images).items() if count > 1]
    if twice:
        yield f"{split.name}: {counted(len(twice), 'image')} named more than once: {some(twice, say)}"
    rewritten = [image for image in split.images if scan.images[image].rewritten]
    if rewritten:
        yield (
            f"{split.name}: {counted(len(rewritten), 'JPEG')} with bytes after the end marker, used as mended "
            f"copies: {some(rewritten, say)}"
        )


def _label_folders(dataset: Dataset) -> dict[Path, set[Path]]:
    """Each folder of labels -> the folders of the images that they belong to."""
    folders: dict[Path, set[Path]] = {}
    for split in dataset.splits.values():
        for parent in dict.fromkeys(image.parent for image in split.images):
            folders.setdefault(label_path(parent / "x.jpg").parent, set()).add(parent)
    return folders


def _orphans(dataset: Dataset) -> Iterator[str]:
    if dataset.kind == "classify":
        return
    orphans: list[Path] = []
    for folder, image_folders in sorted(_label_folders(dataset).items()):
        if folder in image_folders:
            continue  # texts beside images may be anything
        stems = {path.stem for place in image_folders for path in _children(place) if is_image_name(path)}
        orphans.extend(
            path
            for path in _children(folder)
            if path.suffix == ".txt" and path.stem not in stems and path.name.lower() not in _NO_LABELS
        )
    if orphans:
        yield f"{counted(len(orphans), 'label file')} without an image: {some(sorted(orphans), _namer(dataset))}"


def _caches(dataset: Dataset) -> Iterator[str]:
    """Pickles that Ultralytics leaves beside the data, and would load from there."""
    if dataset.kind == "classify":
        places = {dataset.root / split.source for split in dataset.splits.values()}
    else:
        places = set(_label_folders(dataset))
    found = [cache for place in sorted(places) if os.path.lexists(cache := place.with_suffix(".cache"))]
    if found:
        listed = some(found, _namer(dataset))
        yield f"left by Ultralytics beside the data, neither read nor changed: {listed}"


def _namer(dataset: Dataset) -> Callable[[Path], str]:
    return partial(shown, root=dataset.root)


def _children(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []
