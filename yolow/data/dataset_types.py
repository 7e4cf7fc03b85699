"""What a data set is, once its YAML or its folders are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Split:
    """The images of one split, in the order in which Ultralytics would read them.

    Attributes:
        name: `train`, `val` or `test`.
        images: absolute paths, sorted as text; links to files are left as they are.
        labels: the label file of each image, or None where there is none; all None for classification.
        class_ids: the class of each image; classification only.
        source: what the YAML says, or the name of the split's folder.
        ignored: files in the split's folders or list that are no images by their suffix.
    """

    name: str
    images: tuple[Path, ...]
    labels: tuple[Path | None, ...]
    class_ids: tuple[int, ...] | None = None
    source: str
    ignored: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set whose files are listed but not yet opened.

    Attributes:
        name: the YAML's stem, or its folder's name where the stem is `data`; for classification the folder's name.
        path: the YAML file, or the folder with one folder per split and class; absolute.
        root: the folder that the YAML's relative paths start from; paths in messages are relative to it.
        kind: `detect-like` (a YAML: detect, segment, pose, obb) or `classify` (a folder).
        names: class id -> class name; ids count from 0 without gaps.
        splits: the splits that were asked for, by name.
        kpt_shape: (keypoints per object, 2 for x y or 3 for x y visibility).
        flip_idx: the keypoint that each one becomes when an image is mirrored.
        channels: image channels that the network reads.
        download: the script or address in the YAML that would fetch the images; never run here.
        extra: all other keys of the YAML.
        notes: what a person should know about how the data set was read.
    """

    name: str
    path: Path
    root: Path
    kind: Literal["detect-like", "classify"]
    names: dict[int, str]
    splits: dict[str, Split]
    kpt_shape: tuple[int, int] | None = None
    flip_idx: tuple[int, ...] | None = None
    channels: int = 3
    download: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def shown(path: Path, root: Path) -> str:
    """A path for messages: relative to `root` where it lies below."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def printable(text: str) -> str:
    """Text without control characters and undecodable bytes: a stranger's file names reach the terminal."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
