"""Renders a small synthetic data set: solar panels on roofs and in fields, seen from straight above.

A demo and a test fixture for machines that have no data and no internet. What a network scores on rendered
pictures says nothing about photographs, so it is never a result.

    python scripts/render_solar.py demo/solar --train 120 --val 40 --size 320 --seed 0

Picture i of a split depends on the seed, the split, the size and i alone, so a larger set begins with the
smaller one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from solar_scene import render_scene

CLASS_NAME = "solar-panel"
MANIFEST = "manifest.json"
MANIFEST_TOOL = "render_solar"
RENDERER_VERSION = 1  # another number where the same parameters give other pictures

Manifest = dict[str, Any]


def write_dataset(out: Path, train: int, val: int, size: int, seed: int) -> bool:
    """Renders a data set into the folder `out`, unless the same one is there already.

    The folder appears whole, by one rename. A rendered set with other parameters is replaced.

    Args:
        out: folder to make; gets `images/`, `labels/`, `data.yaml` and `manifest.json`.
        train: number of training pictures.
        val: number of validation pictures.
        size: side of the pictures in pixels.
        seed: not negative.

    Returns:
        Whether anything was rendered.

    Raises:
        FileExistsError: `out` holds anything that this script didn't write.
        OSError: the folder can't be written.
    """
    manifest: Manifest = {
        "tool": MANIFEST_TOOL,
        "version": RENDERER_VERSION,
        "train": train,
        "val": val,
        "size": size,
        "seed": seed,
    }
    out = out.resolve()
    found = _own_manifest(out)
    if found == manifest and all((out / name).is_file() for name in _file_names(manifest)):
        return False
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as temporary:
        staged = Path(temporary) / "new"
        _write_files(staged, manifest)
        if out.exists():
            out.rename(Path(temporary) / "old")
        staged.rename(out)
    return True


def _own_manifest(out: Path) -> Manifest | None:
    """Returns the manifest of a set that this script wrote; None where there is nothing yet.

    Raises:
        FileExistsError: there is anything else, which must not be replaced.
    """
    if not out.exists():
        return None
    if not out.is_dir():
        raise FileExistsError("it is a file")
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    manifest = _read_manifest(out / MANIFEST)
    expected = set() if manifest is None else set(_file_names(manifest))
    # training leaves caches beside the labels, which are worth nothing without the set
    foreign = [n for n in sorted(files - expected) if manifest is None or not n.endswith(".cache")]
    if foreign:
        raise FileExistsError(f"it holds {foreign[0]}, which this script did not write")
    return manifest


def _read_manifest(path: Path) -> Manifest | None:
    """Returns the manifest; None where there is none, or one that this script didn't write."""
    try:
        manifest: Manifest = json.loads(path.read_text(encoding="utf-8"))
        known = manifest["tool"] == MANIFEST_TOOL and int(manifest["train"]) + int(manifest["val"]) < 10**6
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return manifest if known else None


def _file_names(manifest: Manifest) -> Iterator[str]:
    """Yields every file of a set, relative to its folder, as POSIX paths."""
    yield from (MANIFEST, "data.yaml")
    for split in ("train", "val"):
        for i in range(manifest[split]):
            yield f"images/{split}/{split}_{i:05d}.jpg"
            yield f"labels/{split}/{split}_{i:05d}.txt"


def _write_files(out: Path, manifest: Manifest) -> None:
    size = manifest["size"]
    for split_number, split in enumerate(("train", "val")):
        images, labels = out / "images" / split, out / "labels" / split
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for i in range(manifest[split]):
            rng = np.random.default_rng([manifest["seed"], split_number, i])
            image, boxes = render_scene(rng, size)
            (images / f"{split}_{i:05d}.jpg").write_bytes(_jpeg(image, int(rng.integers(55, 96))))
            (labels / f"{split}_{i:05d}.txt").write_text(_label_text(boxes / size), encoding="utf-8")
    names = f"names:\n  0: {CLASS_NAME}\n"
    (out / "data.yaml").write_text(f"train: images/train\nval: images/val\n{names}", encoding="utf-8")
    (out / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _jpeg(image: np.ndarray, quality: int) -> bytes:
    encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return bytes(encoded)


def _label_text(boxes: np.ndarray) -> str:
    """Returns label lines `class cx cy w h` for boxes x1 y1 x2 y2 in [0, 1]."""
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return "".join(f"0 {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for x, y, w, h in np.hstack([centres, sides]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code: 0 done, 2 could not."""
    parser = argparse.ArgumentParser(description="Renders a small synthetic data set of solar panels.")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    parser.add_argument("--train", type=int, default=120, help="training pictures (default 120)")
    parser.add_argument("--val", type=int, default=40, help="validation pictures (default 40)")
    parser.add_argument("--size", type=int, default=320, help="side of the pictures in pixels (default 320)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another set (default 0)")
    options = parser.parse_args(arguments)
    limits = {"train": (1, 99999), "val": (1, 99999), "size": (96, 2048), "seed": (0, 2**32 - 1)}
    for name, (low, high) in limits.items():
        if not low <= getattr(options, name) <= high:
            parser.error(f"--{name} must be from {low} to {high}")
    try:
        rendered = write_dataset(options.out, options.train, options.val, options.size, options.seed)
    except OSError as error:
        print(f"error: cannot render into {options.out}: {error}", file=sys.stderr)
        return 2
    count = options.train + options.val
    what = f"rendered {count} pictures into" if rendered else f"{count} rendered pictures are already in"
    print(f"{what} {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
