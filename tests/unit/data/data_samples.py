"""Tiny data sets whose every file a test knows."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from yolow.data.check import DataCheck, check_dataset
from yolow.data.dataset import load_dataset
from yolow.progress import Silent

BOX = "0 0.5 0.5 0.4 0.4\n"
TRIANGLE = "0 0.1 0.1 0.8 0.2 0.5 0.9\n"
CORNERS = "0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\n"


def write_image(path: Path, seed: int, *, size: tuple[int, int] = (16, 16)) -> Path:
    """An image of noise; another seed gives other content. The suffix decides the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_label(path: Path, text: str = BOX) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_set(folder: Path, *, train: int = 3, val: int = 2, label: str = BOX, yaml: str = "") -> Path:
    """`images/{train,val}/N.jpg` with labels and `set.yaml`; two classes, `roof` and `car`."""
    seed = 0
    for split, count in (("train", train), ("val", val)):
        (folder / "images" / split).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            write_image(folder / "images" / split / f"{index}.jpg", seed)
            write_label(folder / "labels" / split / f"{index}.txt", label)
            seed += 1
    return write_yaml(
        folder / "set.yaml", "train: images/train\nval: images/val\nnames: [roof, car]\n" + yaml
    )


def write_yaml(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_classes(folder: Path, *, splits: tuple[str, ...] = ("train", "val")) -> Path:
    """`SPLIT/{cat,dog}/N.png`, two images each."""
    seed = 0
    for split in splits:
        for name in ("cat", "dog"):
            for index in range(2):
                write_image(folder / split / name / f"{index}.png", seed)
                seed += 1
    return folder


def check(path: Path, *, task: str | None = "detect", cache_dir: Path | None = None) -> DataCheck:
    return check_dataset(load_dataset(path), task=task, cache_dir=cache_dir, progress=Silent())


def snapshot(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file below -> digest of its bytes, modification time."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
