"""Upstream facts that the data room relies on, asked of the real Ultralytics in one process.

It accepts the private view and sees in it what it would see in the user's folder; it refuses the labels and images
that our check refuses; and a pickle planted beside the user's labels stays unread.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_samples import (
    BOX,
    CORNERS,
    TRIANGLE,
    check,
    snapshot,
    write_classes,
    write_image,
    write_label,
    write_set,
)

from yolow.data.images import read_image
from yolow.data.labels import parse_label
from yolow.data.sources import IMAGE_SUFFIXES
from yolow.data.view import make_view

# text of a label file, kpt_shape, whether it is read for pose
LABELS: list[tuple[bytes, tuple[int, int] | None, bool]] = [
    (text if isinstance(text, bytes) else text.encode(), None, False)
    for text in (
        "", "\n \n", BOX, BOX + BOX, TRIANGLE, TRIANGLE + CORNERS, CORNERS + CORNERS, BOX + TRIANGLE,
        "\ufeff0 0.5 0.5 0.4 0.4\r\n1 0.1 0.1 0.1 0.1", "0 0.5 0.5 0.4", "0 0.5 0.5 0.4 0.4 0.9",
        "0 .1 .1 .2 .2 .3 .3 .4", "x 0.5 0.5 0.4 0.4", "0 0.5 nan 0.4 0.4", "0 inf 0.5 0.4 0.4",
        "1.5 0.5 0.5 0.4 0.4", "-1 0.5 0.5 0.4 0.4", "0 1.009 0.5 0.4 0.4", "0 1.02 0.5 0.4 0.4",
        "0 -0.009 0.5 0.4 0.4", "0 -0.02 0.5 0.4 0.4", "0 0.5 0.5 -0.001 0.4", "0 0.5 0.5 0 0.4",
        "0 0.95 0.5 0.4 0.4", "0 .1 .1 1.05 .2 .3 .3", "0 .1 .1 3 .2 .3 .3", "0 -.05 .1 .5 .2 .3 .3",
        "0 0.5 0.5 0.1 0.1 \xff".encode("latin-1"), BOX.encode("utf-16"),
    )
] + [
    (text.encode(), (2, 3), True)
    for text in (
        "0 .5 .5 .2 .2 .4 .4 2 .6 .6 0", BOX, "0 .5 .5 .2 .2 1.2 .4 2 .6 .6 0", "0 .5 .5 .2 .2 .4 .4 -1 .6 .6 0", "",
    )
] + [
    (b"0 .5 .5 .2 .2 .4 .4 2 .6 .6 0", (2, 3), False),
    (b"0 .5 .5 .2 .2 .4 .4 .6 .6", (2, 2), True),
    (b"0 .5 .5 .2 .2 .4 -.2 .6 .6", (2, 2), True),
]  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """The folder of all test data, and upstream's answers."""

    folder: Path
    answers: dict[str, Any]
    before: dict[str, tuple[str, int]]


def _write_images(folder: Path) -> list[Path]:
    whole = write_image(folder / "whole.jpg", 1, size=(40, 30)).read_bytes()
    png = bytearray(write_image(folder / "whole.png", 1, size=(40, 30)).read_bytes())
    png[len(png) // 2] ^= 0xFF
    contents = {
        "half.jpg": whole[: len(whole) // 2],
        "no_end.jpg": whole[:-2],
        "tail.jpg": whole + b"\0\0",
        "overwritten_end.jpg": whole[:-2] + b"\0\0",
        "flipped.png": bytes(png),
        "empty.jpg": b"",
        "text.jpg": b"not an image",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    write_image(folder / "small.jpg", 1, size=(9, 40))
    write_image(folder / "whole.webp", 1)
    write_image(folder / "whole.tiff", 1)
    write_image(folder / "whole.gif", 1).rename(folder / "gif.jpg")
    return sorted(path for path in folder.iterdir())


class _Marking:
    """A pickle that leaves a file when it is loaded."""

    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self._canary), "w")


def _plant(cache: Path, canary: Path) -> None:
    with cache.open("wb") as file:
        np.save(file, np.array({"x": _Marking(canary)}, dtype=object), allow_pickle=True)


def _write_detect(folder: Path) -> Path:
    """Everything odd that is no fault: nested folders, equal names, backgrounds, a JPEG with a tail."""
    yaml = write_set(folder, label=BOX + BOX + "1 0.2 0.2 0.1 0.1\n")
    for index, name in enumerate(("b/0.jpg", "b/0.png", "a/0.jpg")):
        write_image(folder / "images/train" / name, 20 + index, size=(16 + index, 20))
        write_label((folder / "labels/train" / name).with_suffix(".txt"))
    (folder / "labels/train/1.txt").unlink()
    write_label(folder / "labels/train/2.txt", "")
    tail = folder / "images/val/0.jpg"
    tail.write_bytes(tail.read_bytes() + b"\0\0")
    return yaml


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    folder = tmp_path_factory.mktemp("upstream")
    image = write_image(folder / "one.jpg", 0)
    labels = [folder / f"labels/{index}.txt" for index in range(len(LABELS))]
    for path, (content, _, _) in zip(labels, LABELS, strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    images = _write_images(folder / "images")

    users, plain, trap = folder / "users", folder / "plain", folder / "trap"
    yaml = _write_detect(users)
    segment = write_set(folder / "segment", label=TRIANGLE)
    shutil.copytree(users, plain)
    shutil.copytree(users, trap)
    _plant(users / "labels/train.cache", folder / "canary")
    _plant(trap / "labels/train.cache", folder / "trap_canary")
    pets = write_classes(folder / "pets")
    _plant(folder / "pets/train.cache", folder / "canary")
    before = {name: facts for name, facts in snapshot(folder).items() if name.startswith(("users", "pets"))}

    view = make_view(check(yaml), folder / "views/detect")
    views = {
        "segment": make_view(check(segment, task="segment"), folder / "views/segment"),
        "pets": make_view(check(pets, task="classify"), folder / "views/pets"),
    }
    job = {
        "labels": [
            [str(image), str(path), kpt_shape, pose]
            for path, (_, kpt_shape, pose) in zip(labels, LABELS, strict=True)
        ],
        "images": [str(path) for path in images],
        "datasets": [
            [str(plain / "set.yaml"), "train", "detect"],
            [str(plain / "set.yaml"), "val", "detect"],
            [str(view), "train", "detect"],
            [str(view), "val", "detect"],
            [str(trap / "set.yaml"), "train", "detect"],
            [str(views["segment"]), "train", "segment"],
        ],
        "class_folders": [[str(views["pets"]), "train"], [str(views["pets"]), "val"]],
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    _run_probe(folder)
    answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    return Asked(folder, answers, before)


def _run_probe(folder: Path) -> None:
    settings = folder / "config/Ultralytics"
    settings.mkdir(parents=True)
    matplotlib = find_spec("matplotlib")
    assert matplotlib is not None
    assert matplotlib.origin is not None
    fonts = Path(matplotlib.origin).parent / "mpl-data/fonts/ttf"
    shutil.copy(fonts / "DejaVuSans.ttf", settings / "Arial.ttf")
    environment = {**os.environ, "YOLO_OFFLINE": "1", "YOLO_CONFIG_DIR": str(folder / "config")}
    environment["YOLO_AUTOINSTALL"] = "False"
    probe = Path(__file__).with_name("upstream_probe.py")
    process = subprocess.run(
        [sys.executable, str(probe), str(folder / "job.json"), str(folder / "answers.json")],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr


def test_suffixes(asked: Asked) -> None:
    assert asked.answers["formats"] == sorted(IMAGE_SUFFIXES)


def test_labels_are_judged_alike(asked: Asked) -> None:
    for (content, kpt_shape, pose), theirs in zip(LABELS, asked.answers["labels"], strict=True):
        ours = parse_label(content, kpt_shape)
        wrong_kind = pose and any(kind != "keypoints" for kind, _ in ours.kinds)
        assert (None if ours.fault_count or wrong_kind else ours.instances) == theirs, content


def test_images_are_judged_alike(asked: Asked, tmp_path: Path) -> None:
    verdicts = {}
    images = _write_images(tmp_path / "images")  # upstream has mended its own
    for path, theirs in zip(images, asked.answers["images"], strict=True):
        ours = read_image(path)
        assert (ours.fault is None) == (theirs is not None), path.name
        assert ours.rewritten == bool(theirs and "restored and saved" in theirs), path.name
        verdicts[path.name] = ours.fault is None
    assert {name for name, accepted in verdicts.items() if accepted} == {
        "whole.jpg", "whole.png", "whole.webp", "whole.tiff", "tail.jpg", "overwritten_end.jpg",
    }  # fmt: skip


def test_the_view_holds_what_the_original_holds(asked: Asked) -> None:
    plain_train, plain_val, view_train, view_val, _, _ = asked.answers["datasets"]
    assert [row[1:] for row in view_train] == [row[1:] for row in plain_train]
    assert [row[0] for row in plain_train] == ["0.jpg", "1.jpg", "2.jpg", "0.jpg", "0.jpg", "0.png"]
    assert [row[0].split("-")[1] for row in view_train] == [row[0] for row in plain_train]
    assert [row[2] for row in view_train] == [2, 0, 0, 1, 1, 1]
    assert view_val == plain_val


def test_the_count_of_objects_is_ours(asked: Asked) -> None:
    found = check(asked.folder / "users/set.yaml")
    for name, rows in zip(("train", "val"), asked.answers["datasets"][2:4], strict=True):
        assert found.splits[name].images == len(rows)
        assert found.splits[name].instances == sum(row[2] for row in rows)


def test_segments_and_classes_are_read_from_their_views(asked: Asked) -> None:
    assert [row[2] for row in asked.answers["datasets"][5]] == [1, 1, 1]
    names = {"0": "cat", "1": "dog"}
    rows = [["0.png", 0], ["1.png", 0], ["0.png", 1], ["1.png", 1]]
    assert asked.answers["class_folders"] == [[names, rows]] * 2


def test_a_planted_cache_is_neither_read_nor_changed(asked: Asked) -> None:
    assert (asked.folder / "trap_canary").exists(), "the pickle must work where upstream does read it"
    assert not (asked.folder / "canary").exists()
    after = {
        name: facts for name, facts in snapshot(asked.folder).items() if name.startswith(("users", "pets"))
    }
    assert after == asked.before
    assert (asked.folder / "views/detect/labels/train.cache").exists(), (
        "upstream's own cache lies in the view"
    )
    assert (asked.folder / "views/pets/train.cache").exists()
