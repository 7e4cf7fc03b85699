"""Open every file of a data set once; what didn't change since the last time isn't opened again."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from yolow.data.dataset_types import Dataset
from yolow.data.images import ImageFacts, read_image
from yolow.data.labels import LabelFacts, read_label
from yolow.data.scan_cache import CachedScan, FileState, read_cache, write_cache
from yolow.progress import Progress

_MAX_THREADS = 16
_CHUNK = 8


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What all files of the splits are."""

    images: dict[Path, ImageFacts] = field(default_factory=dict)
    labels: dict[Path, LabelFacts] = field(default_factory=dict)


def scan_files(dataset: Dataset, *, cache_dir: Path | None, progress: Progress) -> Scan:
    """Read all images and labels with several threads.

    Args:
        dataset: which files.
        cache_dir: yolow's cache; None reads everything.
        progress: is told of each finished file.
    """
    files = _files(dataset)
    old = read_cache(cache_dir, dataset.path)
    layout = "" if dataset.kpt_shape is None else f"{dataset.kpt_shape[0]}x{dataset.kpt_shape[1]}"
    states: dict[Path, FileState] = {}
    scan, todo = Scan(), []
    for path, is_image in files.items():
        state = states[path] = _state(path)
        if is_image and (image := old.image(path, state)) is not None:
            scan.images[path] = image
        elif not is_image and (label := old.label(path, state, layout)) is not None:
            scan.labels[path] = label
        else:
            todo.append((path, is_image))
    progress.advance(len(files) - len(todo), len(files))
    for done, (path, facts) in enumerate(
        _read_all(todo, dataset.kpt_shape), start=len(files) - len(todo) + 1
    ):
        if isinstance(facts, ImageFacts):
            scan.images[path] = facts
        else:
            scan.labels[path] = facts
        progress.advance(done, len(files))
    if todo:
        new = CachedScan.of(scan.images, scan.labels, states, layout)
        write_cache(
            cache_dir, dataset.path, {name: new.only(_split_files(dataset, name)) for name in dataset.splits}
        )
    return scan


def _files(dataset: Dataset) -> dict[Path, bool]:
    """Each file once -> whether it is an image."""
    files: dict[Path, bool] = {}
    for split in dataset.splits.values():
        files.update(dict.fromkeys(split.images, True))
        files.update((label, False) for label in split.labels if label is not None)
    return files


def _split_files(dataset: Dataset, name: str) -> set[Path]:
    split = dataset.splits[name]
    return {*split.images, *(label for label in split.labels if label is not None)}


def _state(path: Path) -> FileState:
    try:
        status = path.stat()
    except OSError:
        return FileState(size_bytes=-1, mtime_ns=-1)
    return FileState(size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)


def _read_all(
    todo: list[tuple[Path, bool]], kpt_shape: tuple[int, int] | None
) -> Iterator[tuple[Path, ImageFacts | LabelFacts]]:
    if not todo:
        return
    from multiprocessing.pool import ThreadPool

    # Pillow's remarks on odd but readable files would be printed among our lines.
    with warnings.catch_warnings(), ThreadPool(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")
        yield from pool.imap(partial(_read_one, kpt_shape=kpt_shape), todo, chunksize=_CHUNK)


def _read_one(
    item: tuple[Path, bool], *, kpt_shape: tuple[int, int] | None
) -> tuple[Path, ImageFacts | LabelFacts]:
    path, is_image = item
    if not is_image:
        return path, read_label(path, kpt_shape)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            return path, ImageFacts(sha256="", fault="not a file")
    except OSError as error:
        return path, ImageFacts(sha256="", fault=f"can't be read: {error.strerror or error}")
    return path, read_image(path)
