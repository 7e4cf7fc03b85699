"""The private view over a data set: what Ultralytics gets to see in place of the user's folders.

Ultralytics unpickles and writes `<labels folder>.cache`, saves damaged JPEGs anew in place, and executes the
`download:` string of a data YAML. The view has real folders of ours, one link per image and label, and a YAML with
nothing but known keys, so all of that happens here or not at all. Folders are not linked: upstream resolves them,
and would be back in the user's.
"""

from __future__ import annotations

import errno
import os
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from yolow.config.strict_yaml import dump_yaml
from yolow.data.check import DataCheck
from yolow.data.dataset_types import Dataset, Split
from yolow.errors import DataError, ResourceError

_MARK = ".yolow-view"
_MAX_NAME_BYTES = 200
# Upstream demands these two, whatever split is asked for.
_DEMANDED = ("train", "val")


def make_view(check: DataCheck, folder: Path, *, splits: tuple[str, ...] | None = None) -> Path:
    """Build the view of a checked data set.

    A split that Ultralytics demands but that isn't wanted is another name for one that is.

    Args:
        check: a check without errors.
        folder: is created; an older view there is replaced.
        splits: which of the checked splits; all of them by default.

    Returns:
        What to hand to Ultralytics: the view's `data.yaml`, or for classification the folder; absolute.

    Raises:
        ResourceError: the disk is full.
        DataError: the view can't be built there, or something else than a view is there.
    """
    folder = folder.absolute()
    dataset = check.dataset
    wanted = {name: dataset.splits[name] for name in splits or dataset.splits}
    try:
        _make_room(folder)
        if dataset.kind == "classify":
            return _class_view(dataset, wanted, check.rewritable, folder)
        for name, split in wanted.items():
            _link_split(split, check.rewritable, folder / "images" / name, folder / "labels" / name)
        target = folder / "data.yaml"
        target.write_text(dump_yaml(_yaml(dataset, wanted, folder)), encoding="utf-8")
        return target
    except OSError as error:
        context = [f"{error.filename or folder}: {error.strerror}"]
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ResourceError("the disk is full", context=context) from None
        raise DataError("the private view of the data set can't be built", context=context) from None


def _make_room(folder: Path) -> None:
    if folder.is_symlink():
        raise DataError("the private view of the data set can't be built", context=[f"{folder}: is a link"])
    if folder.exists():
        if any(folder.iterdir()) and not (folder / _MARK).exists():
            raise DataError(
                "the private view of the data set can't be built",
                context=[f"{folder}: holds something else"],
                hint=f"mv {shlex.quote(str(folder))} {shlex.quote(f'{folder}.old')}",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()


def _class_view(
    dataset: Dataset, wanted: dict[str, Split], rewritable: frozenset[Path], folder: Path
) -> Path:
    """`SPLIT/CLASS/NAME`; each split has a folder for each class, since upstream counts classes by folders."""
    spare = next(iter(wanted.values()))
    for name in dict.fromkeys((*wanted, *_DEMANDED)):
        split = wanted.get(name, spare)
        members: dict[int, list[Path]] = {class_id: [] for class_id in dataset.names}
        for image, class_id in zip(split.images, split.class_ids or (), strict=True):
            members[class_id].append(image)
        for class_id, images in members.items():
            place = folder / name / dataset.names[class_id]
            place.mkdir(parents=True)
            for image, unique in zip(images, _unique_names(images), strict=True):
                _place(image, place / unique, copy=image in rewritable)
    return folder


def _link_split(split: Split, rewritable: frozenset[Path], images: Path, labels: Path) -> None:
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    names = _unique_names(split.images)
    for image, label, name in zip(split.images, split.labels, names, strict=True):
        _place(image, images / name, copy=image in rewritable)
        if label is not None:
            _place(label, labels / f"{name.rpartition('.')[0]}.txt")


def _unique_names(images: Iterable[Path]) -> list[str]:
    """A name for each image in one folder, so that names sort as the images are ordered.

    Names stay as they are where that is possible: where no two images would share a name or a label file, on
    a file system that ignores case too. Else all of them get a number in front.
    """
    names = [image.name for image in images]
    stems = {name.rpartition(".")[0].casefold() for name in names}
    if (
        len(stems) == len(names)
        and names == sorted(names)
        and not any(name.startswith(".") for name in names)
    ):
        return names
    digits = len(str(len(names)))
    return [f"{index:0{digits}d}-{_short(name)}" for index, name in enumerate(names)]


def _short(name: str) -> str:
    """A name that a number still fits in front of."""
    return name if len(os.fsencode(name)) <= _MAX_NAME_BYTES else f"image{Path(name).suffix}"


def _place(source: Path, target: Path, *, copy: bool = False) -> None:
    """Link, or copy where links are impossible or the file would be written to."""
    if not copy:
        try:
            target.symlink_to(source)
            return
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EEXIST}:
                raise
        try:
            target.hardlink_to(source.resolve())
            return
        except OSError:
            pass
    shutil.copyfile(source, target)


def _yaml(dataset: Dataset, wanted: dict[str, Split], folder: Path) -> dict[str, Any]:
    spare = next(iter(wanted))
    value: dict[str, Any] = {"path": str(folder)}
    for name in dict.fromkeys((*_DEMANDED, *wanted)):
        value[name] = f"images/{name if name in wanted else spare}"
    value |= {"names": dict(dataset.names), "channels": dataset.channels}
    if dataset.kpt_shape is not None:
        value["kpt_shape"] = list(dataset.kpt_shape)
    if dataset.flip_idx is not None:
        value["flip_idx"] = list(dataset.flip_idx)
    if (kpt_names := dataset.extra.get("kpt_names")) is not None:
        value["kpt_names"] = kpt_names
    return value
