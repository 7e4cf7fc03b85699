"""Which images a split names and where their labels lie, by the rules of Ultralytics' data-set loader.

Checked against `get_img_files` and `img2label_paths` of ultralytics 8.4 by a contract test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from yolow.data.sources import IMAGE_SUFFIXES

# Label lists, and what training and desktops leave beside images: not worth a warning.
_EXPECTED_SUFFIXES = frozenset({".txt", ".npy", ".cache", ".db", ".ini"})


def is_image_name(path: Path) -> bool:
    """Whether a file counts as an image by its suffix."""
    return path.suffix[1:].lower() in IMAGE_SUFFIXES


def is_unexpected(path: Path) -> bool:
    """Whether a file that is no image by its suffix deserves a warning."""
    return path.suffix.lower() not in _EXPECTED_SUFFIXES


def files_below(folder: Path) -> Iterator[Path]:
    """All files in a folder and below: hidden names are skipped and links followed, as `glob` does.

    Unlike `glob` it never walks in a circle. Broken links are files here, so that they come to light.

    Raises:
        OSError: a folder can't be listed.
    """
    yield from map(Path, _walk(str(folder), frozenset({_identity(folder.stat())})))


def _walk(folder: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not entry.is_dir():
                yield entry.path
                continue
            identity = _identity(entry.stat())
            if identity not in above:
                yield from _walk(entry.path, above | {identity})


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def files_in_list(file: Path, *, root: Path) -> list[Path]:
    """The paths that a `.txt` list names, one a line.

    A line that starts with `./` is relative to the list's folder. Any other relative line is looked for from
    the working folder, as upstream does, then from the list's folder, then from the data set's root.

    Raises:
        OSError: the list can't be read.
        UnicodeDecodeError: the list is not UTF-8 text.
    """
    lines = (line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines())
    bases = (Path.cwd(), file.parent, root)
    return [_listed(line, bases, file.parent) for line in lines if line]


def _listed(line: str, bases: tuple[Path, ...], beside: Path) -> Path:
    path = Path(line)
    if path.is_absolute():
        return path
    if line.startswith("./"):
        return beside / line[2:]
    return next((base / path for base in bases if os.path.lexists(base / path)), beside / path)


def label_path(image: Path) -> Path:
    """Where the label file of an image lies: the last `/images/` becomes `/labels/`, the suffix `.txt`."""
    inside, outside = f"{os.sep}images{os.sep}", f"{os.sep}labels{os.sep}"
    return Path(outside.join(str(image).rsplit(inside, 1)).rsplit(".", 1)[0] + ".txt")
