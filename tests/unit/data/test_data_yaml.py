"""Data-set YAMLs: the habits of Ultralytics and Roboflow, and every mistake with its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from data_samples import write_classes, write_image, write_label, write_set, write_yaml

from yolow.data.dataset import Dataset, load_dataset
from yolow.errors import DataError

SPLITS = "train: images/train\nval: images/val\n"


def _names(dataset: Dataset, split: str) -> list[str]:
    return [str(image.relative_to(dataset.root)) for image in dataset.splits[split].images]


def _error(path: Path, **arguments: tuple[str, ...]) -> DataError:
    with pytest.raises(DataError) as caught:
        load_dataset(path, **arguments)
    return caught.value


def test_a_plain_set(tmp_path: Path) -> None:
    dataset = load_dataset(write_set(tmp_path / "roofs"))
    assert (dataset.name, dataset.kind, dataset.root) == ("set", "detect-like", tmp_path / "roofs")
    assert dataset.names == {0: "roof", 1: "car"}
    assert _names(dataset, "train") == ["images/train/0.jpg", "images/train/1.jpg", "images/train/2.jpg"]
    assert dataset.splits["val"].labels == tuple(
        tmp_path / f"roofs/labels/val/{index}.txt" for index in range(2)
    )
    assert dataset.splits["val"].source == "images/val"
    assert (dataset.channels, dataset.kpt_shape, dataset.flip_idx, dataset.download) == (3, None, None, None)


def test_a_file_called_data_takes_its_folders_name(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "roofs")
    assert load_dataset(yaml.rename(yaml.with_name("data.yaml"))).name == "roofs"


@pytest.mark.parametrize("given", ["", "path:\n", "path: .\n", "path: ../roofs\n", "path: ''\n"])
def test_path_starts_from_the_yamls_folder(
    tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert load_dataset(write_set(tmp_path / "roofs", yaml=given)).root == tmp_path / "roofs"


def test_path_may_start_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(tmp_path / "roofs")
    yaml = write_yaml(tmp_path / "configs/roofs.yaml", f"path: roofs\n{SPLITS}names: [roof]\n")
    monkeypatch.chdir(tmp_path)
    assert load_dataset(yaml).root == tmp_path / "roofs"


def test_roboflows_paths_and_keys(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        write_image(tmp_path / split / "images/a.jpg", 1)
        write_label(tmp_path / split / "labels/a.txt")
    text = (
        "\ufefftrain: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 1\nnames: ['no']\n"
        "roboflow:\n  workspace: w\n  version: 1\n  license: CC BY 4.0\n"
    )
    dataset = load_dataset(write_yaml(tmp_path / "data.yaml", text))
    assert _names(dataset, "val") == ["valid/images/a.jpg"]
    assert dataset.splits["val"].labels == (tmp_path / "valid/labels/a.txt",)
    assert dataset.names == {0: "no"}
    assert dataset.extra["roboflow"]["license"] == "CC BY 4.0"


def test_validation_means_val(tmp_path: Path) -> None:
    write_set(tmp_path)
    yaml = write_yaml(tmp_path / "set.yaml", "train: images/train\nvalidation: images/val\nnames: [a]\n")
    assert _names(load_dataset(yaml), "val") == ["images/val/0.jpg", "images/val/1.jpg"]


def test_several_folders_are_sorted_as_one(tmp_path: Path) -> None:
    for place, seed in (("images/b/0.jpg", 0), ("images/a/sub/1.PNG", 1), ("images/a.d/2.jpg", 2)):
        write_image(tmp_path / place, seed)
    text = "train: [images/b, images/a, images/a.d]\nval: images/b\nnames: [x]\n"
    dataset = load_dataset(write_yaml(tmp_path / "set.yaml", text))
    assert _names(dataset, "train") == ["images/a.d/2.jpg", "images/a/sub/1.PNG", "images/b/0.jpg"]
    assert dataset.splits["train"].source == "images/b, images/a, images/a.d"


def test_image_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(tmp_path / "set")
    outside = write_image(tmp_path / "else/images/z.png", 9)
    lines = (
        f"\ufeff./images/train/1.jpg\n\n{outside}\nset/images/train/0.jpg\nimages/train/2.jpg\n./notes.gif\n"
    )
    write_label(tmp_path / "set/list.txt", lines)
    yaml = write_yaml(tmp_path / "set/set.yaml", "train: list.txt\nval: images/val\nnames: [x]\n")
    monkeypatch.chdir(tmp_path)
    split = load_dataset(yaml).splits["train"]
    assert split.images == (outside, *(tmp_path / f"set/images/train/{index}.jpg" for index in range(3)))
    assert split.labels[0] is None
    assert split.labels[1] == tmp_path / "set/labels/train/0.txt"
    assert split.ignored == (tmp_path / "set/notes.gif",)


def test_only_the_wanted_splits_are_needed(tmp_path: Path) -> None:
    write_set(tmp_path)
    yaml = write_yaml(tmp_path / "set.yaml", "val: images/val\nnames: [x]\n")
    assert set(load_dataset(yaml, splits=("val",)).splits) == {"val"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("names: [on, 3, true]", {0: "on", 1: "3", 2: "True"}),
        ("names: {1: b, 0: a}", {0: "a", 1: "b"}),
        ("names: {'0': a}", {0: "a"}),
        ("nc: 2", {0: "class_0", 1: "class_1"}),
        ("nc: '1'\nnames: [a]", {0: "a"}),
        ("nc: 1.0\nnames: [a]", {0: "a"}),
    ],
)
def test_class_names(tmp_path: Path, names: str, expected: dict[int, str]) -> None:
    write_set(tmp_path)
    assert load_dataset(write_yaml(tmp_path / "set.yaml", f"{SPLITS}{names}\n")).names == expected


def test_keypoints_and_channels(tmp_path: Path) -> None:
    extra = "kpt_shape: [2, 3]\nflip_idx: [1, 0]\nchannels: 1\nkpt_names: {0: [a, b]}\n"
    dataset = load_dataset(write_set(tmp_path, yaml=extra))
    assert (dataset.kpt_shape, dataset.flip_idx, dataset.channels) == ((2, 3), (1, 0), 1)
    assert dataset.extra == {"kpt_names": {0: ["a", "b"]}}


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("", ["set.yaml: expected the keys 'train', 'val' and 'names'"]),
        ("names: [a]\n", [
            "set.yaml: 'train' is missing: the folder of its images",
            "set.yaml: 'val' is missing: the folder of its images",
        ]),
        ("train: images/train\nvalid: images/val\nnames: [a]\n", [
            "set.yaml: 'val' is missing: the folder of its images (is 'valid' meant?)"
        ]),
        ("train:\nval: []\nnames: [a]\n", [
            "set.yaml:1:1: 'train' is missing: the folder of its images",
            "set.yaml:2:1: 'val' is missing: the folder of its images",
        ]),
        (SPLITS, ["set.yaml: 'names' is missing: the list of classes"]),
        (SPLITS + "names:\n", ["set.yaml:3:1: 'names' is missing: the list of classes"]),
        (SPLITS + "names: roof\n", [
            "set.yaml:3:1: names: expected a list of class names, or a mapping of ids to names"
        ]),
        (SPLITS + "names: [a, '', [b]]\n", [
            "set.yaml:3:12: names: expected a class name, not ''",
            "set.yaml:3:16: names: expected a class name, not ['b']",
        ]),
        (SPLITS + "names:\n  0: a\n  '0': b\n  x: c\n", [
            "set.yaml:5:3: names: class id 0 appears twice",
            "set.yaml:6:3: names: 'x' is not a class id (a whole number from 0)",
        ]),
        (SPLITS + "names: {1: a, 2: b}\n", [
            "set.yaml:3:1: names: 2 classes need the ids 0 to 1, but there is 2"
        ]),
        (SPLITS + "nc: 3\nnames: [a]\n", ["set.yaml:3:1: nc: 3, but 'names' has 1 class"]),
        (SPLITS + "nc: some\nnames: [a]\n", ["set.yaml:3:1: nc: expected the number of classes, not 'some'"]),
        (SPLITS + "nc: 1.5\n", ["set.yaml:3:1: nc: expected the number of classes, not 1.5"]),
        (SPLITS + "nc: 0\n", ["set.yaml:3:1: nc: expected the number of classes, not 0"]),
        (SPLITS + "nc: .inf\n", ["set.yaml:3:1: nc: expected the number of classes, not inf"]),
        ("path: 3\ntrain: 4\nval: [images/val, {}]\nnames: [a]\n", [
            "set.yaml:1:1: path: expected a folder, not 3",
            "set.yaml:2:1: train: expected a folder or a list of images, not 4",
            "set.yaml:3:19: val: expected a folder or a list of images, not {}",
        ]),
        (SPLITS + "names: [a]\nkpt_shape: [3]\nflip_idx: [0, 0]\nchannels: many\ndownload: [x]\n", [
            "set.yaml:4:1: kpt_shape: expected [number of keypoints, 2 or 3], not [3]",
            "set.yaml:5:1: flip_idx: expected each keypoint's index once, from 0",
            "set.yaml:6:1: channels: expected a number of image channels, not 'many'",
            "set.yaml:7:1: download: expected an address or a script",
        ]),
        (SPLITS + "names: [a]\nkpt_shape: [3, 2]\nflip_idx: [1, 0]\n", [
            "set.yaml:5:1: flip_idx: 2 entries, but kpt_shape has 3 keypoints"
        ]),
    ],
)  # fmt: skip
def test_every_mistake_is_reported_with_its_place(
    tmp_path: Path, text: str, context: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(tmp_path)
    monkeypatch.chdir(tmp_path)
    error = _error(write_yaml(tmp_path / "set.yaml", text))
    assert error.message == "the data set's YAML has mistakes"
    assert list(error.context) == context
    assert error.hint


def test_mistakes_and_missing_folders_come_in_one_report(tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path / "set.yaml", "train: images/train\nval: nowhere\nnc: 2\nnames: [a]\n")
    (tmp_path / "images/training").mkdir(parents=True)
    assert _error(yaml).context == (
        f"{yaml}:1:1: train: no such folder or list: {tmp_path}/images/train (near: {tmp_path}/images/training)",
        f"{yaml}:2:1: val: no such folder or list: {tmp_path}/nowhere",
        f"{yaml}:3:1: nc: 2, but 'names' has 1 class",
    )


def test_missing_images(tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path / "set.yaml", f"{SPLITS}names: [a]\n")
    error = _error(yaml)
    assert (error.kind, error.exit_code) == ("data", 2)
    assert error.message == "the data set's images are missing"
    assert error.hint == f"correct the paths in {yaml}, or put the images there"


def test_a_wrong_path_is_said_once(tmp_path: Path) -> None:
    yaml = write_set(tmp_path, yaml="path: datasets/roofs\n")
    assert _error(yaml).context == (
        f"{yaml}:4:1: path: no such folder: {tmp_path}/datasets/roofs; "
        "the images lie beside the YAML: delete this line",
    )


def test_a_download_script_is_named_and_not_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    script = f"download: |\n\n  open({str(canary)!r}, 'w')\n  import os\n"
    yaml = write_yaml(tmp_path / "set.yaml", f"{SPLITS}names: [a]\n{script}")
    error = _error(yaml)
    assert error.message == "the data set's images are missing, and its download script was not run"
    assert error.context[-1] == f"{yaml}:4:1: download: open({str(canary)!r}, 'w')"
    assert error.hint.endswith(f"yolow finetune --data {yaml} --allow-code")
    assert not canary.exists()


def test_a_download_script_does_not_matter_where_images_are(tmp_path: Path) -> None:
    assert load_dataset(write_set(tmp_path, yaml="download: https://x/y.zip\n")).download == "https://x/y.zip"


def test_a_yaml_that_does_not_parse(tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path / "set.yaml", "train: a\ntrain: b\n")
    error = _error(yaml)
    assert error.message == "the data set's YAML can't be read: not valid YAML"
    assert error.context == (f"{yaml}:2:1: duplicate key 'train' (first on line 1)",)


def test_a_split_that_is_an_image_or_no_text(tmp_path: Path) -> None:
    image = write_image(tmp_path / "one.jpg", 0)
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    yaml = write_yaml(tmp_path / "set.yaml", "train: one.jpg\nval: list.txt\nnames: [a]\n")
    assert _error(yaml).context == (
        f"{yaml}:1:1: train: expected a folder or a .txt list of images: {image}",
        f"{yaml}:2:1: val: the list of images is not UTF-8 text: {tmp_path / 'list.txt'}",
    )


def test_impossible_paths(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    yaml = write_yaml(tmp_path / "set.yaml", 'train: "a\\0b"\nval: loop\nnames: [a]\n')
    context = _error(yaml).context
    assert context[0] == f"{yaml}:1:1: train: no such folder or list: {tmp_path}/a\\x00b"
    assert context[1].startswith(f"{yaml}:2:1: val: ")


def test_links_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set")
    write_image(tmp_path / "more/5.jpg", 5)
    folder = tmp_path / "set/images/train"
    (folder / "more").symlink_to(tmp_path / "more")
    (folder / "again").symlink_to(folder)
    write_image(folder / ".hidden/6.jpg", 6)
    write_image(folder / ".7.jpg", 7)
    names = [f"images/train/{name}" for name in ("0.jpg", "1.jpg", "2.jpg", "more/5.jpg")]
    assert _names(load_dataset(yaml), "train") == names


def test_a_linked_images_folder_brings_its_own_labels(tmp_path: Path) -> None:
    write_set(tmp_path / "real")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/images").symlink_to(tmp_path / "real/images")
    yaml = write_yaml(tmp_path / "set/set.yaml", f"{SPLITS}names: [a]\n")
    assert load_dataset(yaml).splits["val"].labels[0] == tmp_path / "real/labels/val/0.txt"


def test_classes_of_one_name_are_noted(tmp_path: Path) -> None:
    write_set(tmp_path)
    dataset = load_dataset(write_yaml(tmp_path / "set.yaml", f"{SPLITS}names: [a, b, a]\n"))
    assert dataset.notes == ("several classes are called 'a'",)


def test_class_folders(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "pets", splits=("train", "valid"))
    write_image(folder / "train/dog/deep/9.jpg", 90)
    dataset = load_dataset(folder)
    assert (dataset.name, dataset.kind, dataset.names) == ("pets", "classify", {0: "cat", 1: "dog"})
    train = dataset.splits["train"]
    assert [str(image.relative_to(folder / "train")) for image in train.images] == [
        "cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png", "dog/deep/9.jpg",
    ]  # fmt: skip
    assert train.class_ids == (0, 0, 1, 1, 1)
    assert train.labels == (None,) * 5
    assert dataset.splits["val"].source == "valid"


def test_a_test_folder_serves_as_val_and_that_is_said(tmp_path: Path) -> None:
    dataset = load_dataset(write_classes(tmp_path / "pets", splits=("train", "test")))
    assert len(dataset.splits["val"].images) == 4
    assert dataset.notes == ("there is no val folder: test/ serves as val",)


def test_mistakes_of_class_folders(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "pets")
    write_image(folder / "val/bird/0.png", 50)
    error = _error(folder, splits=("train", "val", "test"))
    assert error.context == (
        f"{folder / 'val/bird'}: train/ has no such class",
        f"{folder}: no folder for the split 'test'",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    yaml = write_set(tmp_path)
    (tmp_path / "images/train").chmod(0)
    try:
        assert "Permission denied" in _error(yaml).context[0]
    finally:
        (tmp_path / "images/train").chmod(0o755)
