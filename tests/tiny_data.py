"""Small generated data sets for every task: bright rectangles on noise, 64 pixels wide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("light", "dark")
_SIZE = 64


def make_dataset(folder: Path, *, task: str, train: int = 8, val: int = 4, seed: int = 0) -> Path:
    """Write a data set; the YAML's path is returned (for classify: the folder's).

    Args:
        folder: is created.
        task: `detect`, `segment`, `classify`, `pose` or `obb`.
        train, val: images in each split.
        seed: another seed gives other images.
    """
    rng = np.random.default_rng(seed)
    for split, count in (("train", train), ("val", val)):
        for index in range(count):
            image, label, line = _scene(rng, task, index % len(NAMES))
            if task == "classify":
                target = folder / split / NAMES[label] / f"{index:03d}.png"
            else:
                target = folder / "images" / split / f"{index:03d}.png"
                text = folder / "labels" / split / f"{index:03d}.txt"
                text.parent.mkdir(parents=True, exist_ok=True)
                text.write_text(line + "\n", encoding="utf-8")
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(target)
    if task == "classify":
        return folder
    extra = "kpt_shape: [4, 3]\n" if task == "pose" else ""
    names = "".join(f"  {index}: {name}\n" for index, name in enumerate(NAMES))
    yaml = folder / f"{folder.name}.yaml"
    yaml.write_text(f"train: images/train\nval: images/val\n{extra}names:\n{names}", encoding="utf-8")
    return yaml


def _scene(rng: np.random.Generator, task: str, label: int) -> tuple[np.ndarray, int, str]:
    image = rng.integers(90, 140, (_SIZE, _SIZE, 3), dtype=np.uint8)
    width, height = (int(value) for value in rng.integers(16, 33, 2))
    left, top = int(rng.integers(2, _SIZE - width - 2)), int(rng.integers(2, _SIZE - height - 2))
    image[top : top + height, left : left + width] = 230 if label == 0 else 20
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    scaled = [(x / _SIZE, y / _SIZE) for x, y in corners]
    flat = " ".join(f"{x:.6f} {y:.6f}" for x, y in scaled)
    box = f"{(left + width / 2) / _SIZE:.6f} {(top + height / 2) / _SIZE:.6f} {width / _SIZE:.6f} {height / _SIZE:.6f}"
    keypoints = " ".join(f"{x:.6f} {y:.6f} 2" for x, y in scaled)
    lines = {"segment": flat, "obb": flat, "pose": f"{box} {keypoints}"}
    return image, label, f"{label} {lines.get(task, box)}"
