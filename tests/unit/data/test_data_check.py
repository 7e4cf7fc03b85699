"""The data check: all faults in one report, what is odd as warnings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from data_samples import (
    BOX,
    CORNERS,
    TRIANGLE,
    check,
    write_classes,
    write_image,
    write_label,
    write_set,
    write_yaml,
)
from PIL import Image

from yolow.data.check import raise_for_errors
from yolow.errors import DataError

KEYPOINTS = "0 .5 .5 .2 .2 .4 .4 2 .6 .6 0\n"


def test_a_sound_set(tmp_path: Path) -> None:
    found = check(write_set(tmp_path, label=BOX + "1 0.2 0.2 0.1 0.1\n"))
    raise_for_errors(found)
    assert (found.errors, found.error_count, found.warnings) == ((), 0, ())
    train = found.splits["train"]
    assert (train.images, train.labelled, train.background, train.corrupt) == (3, 3, 0, 0)
    assert (train.instances, train.instances_per_class) == (6, {0: 3, 1: 3})
    assert found.splits["val"].instances == 4
    assert (found.label_format, found.rewritable) == ("boxes", frozenset())


def test_all_faults_come_in_one_report(tmp_path: Path) -> None:
    yaml = write_set(tmp_path, train=8)
    images, labels = tmp_path / "images/train", tmp_path / "labels/train"
    (images / "0.jpg").write_bytes(b"")
    (images / "1.jpg").write_bytes(b"not an image")
    whole = write_image(images / "2.jpg", 2, size=(64, 64)).read_bytes()
    (images / "2.jpg").write_bytes(whole[: len(whole) // 2])
    write_image(images / "3.jpg", 3, size=(9, 40))
    Image.new("RGB", (16, 16)).save(images / "4.jpg", format="GIF")
    write_label(labels / "5.txt", BOX + "0 0.5 0.5 0.4\n7 0.5 0.5 0.1 0.1\n")
    (images / "6.jpg").unlink()
    (images / "6.jpg").symlink_to("gone.jpg")
    (labels / "7.txt").write_bytes(b"0 0.5 0.5 0.1 0.1 \xff\n")
    found = check(yaml)
    truncated = found.errors[2]
    assert truncated.startswith("images/train/2.jpg: corrupt image: image file is truncated")
    assert [error for error in found.errors if error != truncated] == [
        "images/train/0.jpg: the file is empty",
        "images/train/1.jpg: not an image that can be decoded",
        "images/train/3.jpg: 9 x 40 px: each side needs at least 10 px",
        "images/train/4.jpg: a GIF image, which can't be trained on",
        "images/train/6.jpg: can't be read: No such file or directory",
        "labels/train/5.txt:2: 4 columns; expected `class x y w h`, or a class and at least three points",
        "labels/train/7.txt: not UTF-8 text (byte 18)",
        "labels/train/5.txt:3: class 7, but the classes are 0 to 1",
    ]
    assert found.error_count == 9
    assert found.splits["train"].corrupt == 8
    with pytest.raises(DataError) as caught:
        raise_for_errors(found)
    assert caught.value.message == "the data set has 9 faults"
    assert caught.value.context == (f"data set: {yaml}", *found.errors)
    assert caught.value.hint == f"mend them, then check again: yolow finetune --data {yaml} --dry-run"


def test_a_damaged_png_is_found_by_its_checksum(tmp_path: Path) -> None:
    yaml = write_set(tmp_path)
    image = write_image(tmp_path / "images/train/x.png", 9, size=(40, 40))
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 0xFF
    image.write_bytes(content)
    assert check(yaml).errors[0].startswith("images/train/x.png: corrupt image: ")


def test_a_pipe_among_the_images_does_not_hang(tmp_path: Path) -> None:
    yaml = write_set(tmp_path)
    os.mkfifo(tmp_path / "images/val/pipe.jpg")
    assert check(yaml).errors == ("images/val/pipe.jpg: not a file",)


def test_an_enormous_image_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    yaml = write_set(tmp_path)
    Image.new("1", (20_000, 20_000)).save(tmp_path / "images/val/big.png")
    assert "400000000 pixels" in check(yaml).errors[0]


def test_faults_are_capped_by_kind_and_all_kinds_shown(tmp_path: Path) -> None:
    yaml = write_set(tmp_path, train=30)
    for index in range(30):
        write_label(tmp_path / f"labels/train/{index}.txt", "0 2 0.5 0.1 0.1\n" * 7 + "9 0.5 0.5 0.1 0.1\n")
    found = check(yaml)
    assert found.error_count == 30 * 7 + 30
    assert found.errors[0] == "labels/train/0.txt:1: x centre 2 is outside [0, 1]"
    assert found.errors[20].startswith("... and ")
    assert found.errors[21] == "labels/train/0.txt:8: class 9, but the classes are 0 to 1"
    assert found.errors[41] == "... and 10 more of this kind"
    assert len(found.errors) == 42


def test_one_folder_for_both_splits_reports_a_fault_once(tmp_path: Path) -> None:
    write_set(tmp_path)
    write_label(tmp_path / "labels/train/0.txt", "5 0.5 0.5 0.1 0.1\n")
    yaml = write_yaml(tmp_path / "set.yaml", "train: images/train\nval: images/train\nnames: [a]\n")
    found = check(yaml)
    assert found.errors == ("labels/train/0.txt:1: class 5, but the classes are 0 to 0",)
    assert found.error_count == 1
    assert found.warnings == ("train and val are the same images (images/train): metrics will be too good",)


def test_an_empty_split(tmp_path: Path) -> None:
    assert check(write_set(tmp_path, val=0)).errors == ("val: no images in images/val",)


@pytest.mark.parametrize("label", ["", None])
def test_no_labels_at_all_in_train(tmp_path: Path, label: str | None) -> None:
    yaml = write_set(tmp_path)
    for path in (tmp_path / "labels/train").iterdir():
        path.unlink() if label is None else write_label(path, label)
    example = "images/train/0.jpg needs labels/train/0.txt"
    assert check(yaml).errors == (f"train: no labels at all ({example})",)


@pytest.mark.parametrize(
    ("task", "label", "errors"),
    [
        ("detect", TRIANGLE, ()),
        ("detect", CORNERS, ()),
        ("segment", TRIANGLE, ()),
        ("segment", CORNERS, ()),
        ("obb", CORNERS, ()),
        (None, TRIANGLE, ()),
        ("segment", BOX, ("a box, but segment needs polygons: a class and at least three points",)),
        ("obb", BOX, ("a box, but obb needs 9 columns: a class and four corners",)),
        ("obb", TRIANGLE, ("a polygon, but obb needs 9 columns: a class and four corners",)),
    ],
)
def test_labels_must_suit_the_task(
    tmp_path: Path, task: str | None, label: str, errors: tuple[str, ...]
) -> None:
    found = check(write_set(tmp_path, train=1, val=1, label=label), task=task)
    expected = [f"labels/{split}/0.txt:1: {error}" for split in ("train", "val") for error in errors]
    assert list(found.errors) == expected


def test_pose(tmp_path: Path) -> None:
    shape = "kpt_shape: [2, 3]\n"
    assert check(write_set(tmp_path / "a", label=KEYPOINTS, yaml=shape), task="pose").errors == ()
    assert check(write_set(tmp_path / "b", label=KEYPOINTS, yaml=shape), task="detect").errors == ()
    without = check(write_set(tmp_path / "c", label=BOX), task="pose")
    assert without.errors == ("pose needs `kpt_shape` in set.yaml, such as `kpt_shape: [17, 3]`",)
    boxes = check(write_set(tmp_path / "d", train=1, val=1, yaml=shape), task="pose")
    what = "a box, but pose needs keypoints: a class, a box and the points of `kpt_shape`"
    assert boxes.errors == (f"labels/train/0.txt:1: {what}", f"labels/val/0.txt:1: {what}")


def test_classify_and_the_others_need_different_layouts(tmp_path: Path) -> None:
    pets = write_classes(tmp_path / "pets")
    assert check(pets, task="classify").errors == ()
    assert check(pets, task="detect").errors == (
        "detect needs a YAML file with labelled images, not a folder of images by class",
    )
    assert check(write_set(tmp_path / "set"), task="classify").errors == (
        "classify needs a folder with train/CLASS/ and val/CLASS/, not a YAML file",
    )


@pytest.mark.parametrize(
    ("labels", "task", "expected"),
    [
        ([BOX], "detect", "boxes"),
        ([TRIANGLE, CORNERS], "detect", "polygons"),
        ([CORNERS], "obb", "obb"),
        ([CORNERS], "segment", "polygons"),
        ([BOX, TRIANGLE], "detect", "mixed"),
        ([""], None, "none"),
    ],
)
def test_label_format(tmp_path: Path, labels: list[str], task: str | None, expected: str) -> None:
    yaml = write_set(tmp_path, train=2, val=1, label=labels[0])
    write_label(tmp_path / "labels/train/1.txt", labels[-1])
    assert check(yaml, task=task).label_format == expected


def test_class_folders(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "pets")
    (folder / "val/dog/0.png").write_bytes(b"nothing")
    found = check(folder, task="classify")
    assert found.errors == ("val/dog/0.png: not an image that can be decoded",)
    assert found.label_format == "classes"
    assert found.splits["train"].instances_per_class == {0: 2, 1: 2}
    assert found.splits["val"].instances_per_class == {0: 2, 1: 1}


def test_the_same_image_in_train_and_val(tmp_path: Path) -> None:
    yaml = write_set(tmp_path)
    (tmp_path / "images/val/1.jpg").write_bytes((tmp_path / "images/train/2.jpg").read_bytes())
    assert check(yaml).warnings == ("train and val share 1 image: images/train/2.jpg = images/val/1.jpg",)


def test_warnings_on_labels(tmp_path: Path) -> None:
    yaml = write_set(tmp_path, train=5)
    labels = tmp_path / "labels"
    (labels / "train/0.txt").unlink()
    write_label(labels / "train/1.txt", BOX * 3)
    write_label(labels / "train/2.txt", "0 0.95 0.5 0.4 0.1\n")
    write_label(labels / "train/3.txt", "0 0.5 0.5 0 0.1\n")
    write_label(labels / "train/lost.txt")
    write_label(labels / "train/classes.txt", "roof\n")
    write_label(labels / "val/0.txt", "1 0.5 0.5 0.1 0.1\n")
    found = check(yaml)
    assert found.errors == ()
    assert found.warnings == (
        "1 class of val never in train: 'car'",
        "train: 1 of 5 images without a label file, taken as background: images/train/0.jpg",
        "train: 2 repeated label lines used once: labels/train/1.txt",
        "train: 1 object reaching over the image's edge: labels/train/2.txt",
        "train: 1 object without width or height: labels/train/3.txt",
        "1 label file without an image: labels/train/lost.txt",
    )
    assert found.splits["train"].background == 1


def test_warnings_on_files(tmp_path: Path) -> None:
    yaml = write_set(tmp_path)
    images = tmp_path / "images/train"
    for name in ("a.gif", "b.gif", "c.mp4", "README", "0.npy", ".DS_Store", "notes.txt"):
        (images / name).write_bytes(b"x")
    write_image(images / "1.png", 77)
    (images / "2.jpg").write_bytes((images / "2.jpg").read_bytes() + b"\0\0")
    (tmp_path / "labels/train.cache").write_bytes(b"x")
    found = check(yaml)
    assert found.errors == ()
    assert found.warnings == (
        "train: label files that serve several images of one name: labels/train/1.txt",
        "train: 4 files of other kinds left out: .gif (2), .mp4 (1), no suffix (1)",
        "train: 1 JPEG with bytes after the end marker, used as mended copies: images/train/2.jpg",
        "left by Ultralytics beside the data, neither read nor changed: labels/train.cache",
    )
    assert found.rewritable == frozenset({images / "2.jpg"})


def test_images_of_a_list_do_not_orphan_the_other_labels(tmp_path: Path) -> None:
    write_set(tmp_path)
    write_label(tmp_path / "list.txt", "./images/train/0.jpg\n./images/train/0.jpg\n")
    yaml = write_yaml(tmp_path / "set.yaml", "train: list.txt\nval: images/val\nnames: [a]\n")
    found = check(yaml)
    assert found.warnings == ("train: 1 image named more than once: images/train/0.jpg",)
    assert found.splits["train"].images == 2


def test_a_val_split_without_objects(tmp_path: Path) -> None:
    yaml = write_set(tmp_path)
    for path in (tmp_path / "labels/val").iterdir():
        path.write_text("")
    assert check(yaml).warnings == ("val has no labelled objects: its metrics will be zero",)


def test_strange_names_are_printable(tmp_path: Path) -> None:
    yaml = write_set(tmp_path)
    (tmp_path / "images/train" / os.fsdecode(b"\x1b[31m\xff.jpg")).write_bytes(b"x")
    assert check(yaml).errors == ("images/train/\\x1b[31m\\udcff.jpg: not an image that can be decoded",)
