"""Manifest and fingerprint: equal for equal data at any place, different when anything differs that training sees."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from data_samples import BOX, check, write_classes, write_image, write_label, write_set, write_yaml

from yolow.data.manifest import compare_manifests
from yolow.errors import DataError


def test_it_is_the_same_at_another_place(tmp_path: Path) -> None:
    first = check(write_set(tmp_path / "a"))
    shutil.copytree(tmp_path / "a", tmp_path / "deep/down/b")
    (tmp_path / "deep/down/b/set.yaml").rename(tmp_path / "deep/down/b/other.yaml")
    second = check(tmp_path / "deep/down/b/other.yaml")
    assert first.fingerprint == second.fingerprint
    assert len(first.fingerprint) == 64
    assert set(first.fingerprint) <= set("0123456789abcdef")


def test_it_does_not_depend_on_how_the_yaml_names_the_images(tmp_path: Path) -> None:
    yaml = write_set(tmp_path)
    before = check(yaml).fingerprint
    lines = "\n".join(str(tmp_path / f"images/train/{index}.jpg") for index in (2, 0, 1))
    write_label(tmp_path / "list.txt", lines)
    write_yaml(yaml, "names: {1: car, 0: roof}\nnc: 2\nval: ./images/val\ntrain: list.txt\n")
    assert check(yaml).fingerprint == before


def test_it_is_known(tmp_path: Path) -> None:
    """The value itself: a change would make every stored record disagree with its data."""
    for split, name in (("train", "a"), ("val", "b")):
        image = tmp_path / f"images/{split}/{name}.png"
        image.parent.mkdir(parents=True)
        # no image, but its bytes are the same on every machine
        image.write_bytes(name.encode())
        write_label(tmp_path / f"labels/{split}/{name}.txt")
    yaml = write_yaml(tmp_path / "set.yaml", "train: images/train\nval: images/val\nnames: [roof]\n")
    assert check(yaml).fingerprint == "ac95c86e8be6a0511446427890d515212c47a15feac118206fda8d5d54392ec4"


def _change_label(folder: Path) -> None:
    write_label(folder / "labels/train/0.txt", BOX + "1 0.1 0.1 0.1 0.1\n")


def _remove_label(folder: Path) -> None:
    (folder / "labels/train/0.txt").unlink()


def _empty_label(folder: Path) -> None:
    write_label(folder / "labels/train/0.txt", "")


def _change_image(folder: Path) -> None:
    shutil.copy(folder / "images/train/0.jpg", folder / "images/val/0.jpg")


def _rename_image(folder: Path) -> None:
    (folder / "images/train/0.jpg").rename(folder / "images/train/9.jpg")
    (folder / "labels/train/0.txt").rename(folder / "labels/train/9.txt")


def _swap_splits(folder: Path) -> None:
    write_yaml(folder / "set.yaml", "val: images/train\ntrain: images/val\nnames: [roof, car]\n")


def _rename_class(folder: Path) -> None:
    write_yaml(folder / "set.yaml", "train: images/train\nval: images/val\nnames: [roof, van]\n")


@pytest.mark.parametrize(
    "change",
    [_change_label, _remove_label, _empty_label, _change_image, _rename_image, _swap_splits, _rename_class],
)
def test_any_change_of_the_data_changes_it(tmp_path: Path, change: Callable[[Path], None]) -> None:
    yaml = write_set(tmp_path)
    before = check(yaml).fingerprint
    change(tmp_path)
    assert check(yaml).fingerprint != before


def test_the_class_of_an_image_counts(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "pets")
    before = check(folder, task="classify").fingerprint
    (folder / "train/cat/1.png").rename(folder / "train/dog/9.png")
    assert check(folder, task="classify").fingerprint != before


def test_the_manifest_proves_itself(tmp_path: Path) -> None:
    found = check(write_set(tmp_path))
    assert hashlib.sha256(found.manifest.encode()).hexdigest() == found.fingerprint
    first = json.loads(found.manifest.splitlines()[1])
    image = (tmp_path / "images/train/0.jpg").read_bytes()
    assert first[:3] == ["train", "0.jpg", hashlib.sha256(image).hexdigest()]


def _add_and_remove(folder: Path) -> None:
    write_image(folder / "images/train/new.jpg", 77)
    write_label(folder / "labels/train/new.txt")
    write_image(folder / "images/val/newer.jpg", 78)
    (folder / "images/train/1.jpg").unlink()


def _relabel_two(folder: Path) -> None:
    _change_label(folder)
    _remove_label_of(folder, "1")


def _remove_label_of(folder: Path, name: str) -> None:
    (folder / f"labels/train/{name}.txt").unlink()


def _rename_and_relabel(folder: Path) -> None:
    (folder / "images/train/2.jpg").rename(folder / "images/train/renamed.jpg")


def _move_to_val(folder: Path) -> None:
    (folder / "images/train/2.jpg").rename(folder / "images/val/2.jpg")
    (folder / "labels/train/2.txt").rename(folder / "labels/val/2.txt")


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda folder: None, {}),
        (_add_and_remove, {"added": 2, "removed": 1}),
        (_relabel_two, {"relabelled": 2}),
        (lambda folder: write_image(folder / "images/val/0.jpg", 79), {"changed": 1}),
        (_rename_and_relabel, {"moved": 1, "relabelled": 1}),
        (_move_to_val, {"moved": 1}),
    ],
)
def test_what_differs_is_counted(
    tmp_path: Path, change: Callable[[Path], object], counts: dict[str, int]
) -> None:
    yaml = write_set(tmp_path)
    before = check(yaml).manifest
    change(tmp_path)
    difference = asdict(compare_manifests(before, check(yaml).manifest))
    nothing = {"added": 0, "removed": 0, "changed": 0, "relabelled": 0, "moved": 0}
    assert difference == {**nothing, **counts}


@pytest.mark.parametrize("line", ["{", "[1, 2]", "7", '["train", "a.jpg", "0", "1", "2"]'])
def test_a_damaged_manifest_is_an_error(line: str) -> None:
    with pytest.raises(DataError, match="the manifest of the data can't be read"):
        compare_manifests("{}\n", "{}\n" + line + "\n")
