"""The private view: real folders, one link per file, a YAML of known keys, and no way back to the user's folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from data_samples import check, snapshot, write_classes, write_image, write_label, write_set, write_yaml

from yolow.config.strict_yaml import load_yaml_file
from yolow.data import view
from yolow.data.dataset import load_dataset
from yolow.data.view import make_view
from yolow.errors import DataError, ResourceError


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_the_layout(tmp_path: Path) -> None:
    yaml = write_set(
        tmp_path / "set", yaml="download: evil\nroboflow: {a: 1}\nchannels: 3\nmasks_dir: masks\n"
    )
    (tmp_path / "set/labels/val/0.txt").unlink()
    target = make_view(check(yaml), tmp_path / "view")
    assert target == tmp_path / "view/data.yaml"
    assert _files(tmp_path / "view") == [
        ".yolow-view", "data.yaml",
        "images/train/0.jpg", "images/train/1.jpg", "images/train/2.jpg", "images/val/0.jpg", "images/val/1.jpg",
        "labels/train/0.txt", "labels/train/1.txt", "labels/train/2.txt", "labels/val/1.txt",
    ]  # fmt: skip
    assert load_yaml_file(target).value == {
        "path": str(tmp_path / "view"),
        "train": "images/train",
        "val": "images/val",
        "names": {0: "roof", 1: "car"},
        "channels": 3,
    }
    links = [path for path in (tmp_path / "view").rglob("*") if path.is_symlink()]
    assert len(links) == 9
    assert not any(link.is_dir() for link in links)
    assert (tmp_path / "view/images/val/1.jpg").readlink() == tmp_path / "set/images/val/1.jpg"


def test_keypoint_keys_are_kept(tmp_path: Path) -> None:
    extra = "kpt_shape: [2, 3]\nflip_idx: [1, 0]\nkpt_names: {0: [a, b]}\n"
    label = "0 .5 .5 .2 .2 .4 .4 2 .6 .6 0\n"
    value = load_yaml_file(
        make_view(check(write_set(tmp_path / "set", label=label, yaml=extra), task="pose"), tmp_path / "view")
    ).value
    assert (value["kpt_shape"], value["flip_idx"], value["kpt_names"]) == ([2, 3], [1, 0], {0: ["a", "b"]})


def test_a_lone_split_stands_for_the_ones_that_upstream_demands(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set", yaml="test: images/val\n")
    dataset = load_dataset(yaml, splits=("test",))
    found = view.DataCheck(
        dataset=dataset, splits={}, errors=(), error_count=0, warnings=(), manifest="", fingerprint="",
        label_format="boxes", rewritable=frozenset(),
    )  # fmt: skip
    value = load_yaml_file(make_view(found, tmp_path / "view")).value
    assert [value[name] for name in ("train", "val", "test")] == ["images/test"] * 3


def test_only_the_wanted_splits_are_linked(tmp_path: Path) -> None:
    make_view(check(write_set(tmp_path / "set")), tmp_path / "view", splits=("val",))
    assert not (tmp_path / "view/images/train").exists()
    assert len(list((tmp_path / "view/images/val").iterdir())) == 2


def test_names_that_would_clash_get_numbers_in_order(tmp_path: Path) -> None:
    write_set(tmp_path / "set", train=0)
    train = tmp_path / "set/images/train"
    seeds = {"a/x.jpg": 1, "b/x.jpg": 2, "b/x.png": 3, "c/X.jpg": 4}
    for name, seed in seeds.items():
        write_image(train / name, seed)
        write_label((tmp_path / "set/labels/train" / name).with_suffix(".txt"), f"0 0.5 0.5 0.1 0.{seed}\n")
    make_view(check(tmp_path / "set/set.yaml"), tmp_path / "view")
    images = sorted((tmp_path / "view/images/train").iterdir())
    assert [image.name for image in images] == ["0-x.jpg", "1-x.jpg", "2-x.png", "3-X.jpg"]
    assert [str(image.readlink().relative_to(train)) for image in images] == list(seeds)
    labels = sorted((tmp_path / "view/labels/train").iterdir())
    assert [label.name for label in labels] == ["0-x.txt", "1-x.txt", "2-x.txt", "3-X.txt"]
    # b/x.jpg and b/x.png share a label file in the user's folder, and so they do here
    assert labels[1].readlink() == labels[2].readlink() == tmp_path / "set/labels/train/b/x.txt"


def test_hidden_and_overlong_names_of_a_list_are_seen(tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    hidden = write_image(tmp_path / "set/images/.hidden.jpg", 5)
    long = write_image(tmp_path / f"set/images/{'x' * 250}.png", 6)
    write_label(tmp_path / "set/list.txt", f"{hidden}\n{long}\n")
    yaml = write_yaml(tmp_path / "set/set.yaml", "train: list.txt\nval: images/val\nnames: [a]\n")
    make_view(check(yaml), tmp_path / "view")
    names = sorted(path.name for path in (tmp_path / "view/images/train").iterdir())
    assert names == ["0-.hidden.jpg", "1-image.png"]


def test_images_that_upstream_would_rewrite_are_copied(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set")
    image = tmp_path / "set/images/train/1.jpg"
    image.write_bytes(image.read_bytes() + b"\0\0")
    image.chmod(0o444)
    make_view(check(yaml), tmp_path / "view")
    copy = tmp_path / "view/images/train/1.jpg"
    assert not copy.is_symlink()
    assert copy.read_bytes() == image.read_bytes()
    assert copy.stat().st_ino != image.stat().st_ino
    assert copy.stat().st_mode & 0o200
    assert (tmp_path / "view/images/train/0.jpg").is_symlink()


def test_without_symbolic_links_hard_links_and_then_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml = write_set(tmp_path / "set")
    original = tmp_path / "set/images/train/0.jpg"

    def refuse(*_arguments: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refuse)
    make_view(check(yaml), tmp_path / "view")
    linked = tmp_path / "view/images/train/0.jpg"
    assert not linked.is_symlink()
    assert linked.samefile(original)
    monkeypatch.setattr(os, "link", refuse)
    make_view(check(yaml), tmp_path / "view")
    assert not linked.samefile(original)
    assert linked.read_bytes() == original.read_bytes()


def test_an_older_view_is_replaced_and_the_users_files_stay(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set")
    before = snapshot(tmp_path / "set")
    make_view(check(yaml), tmp_path / "view")
    (tmp_path / "view/labels/train.cache").write_text("left by a run")
    make_view(check(yaml), tmp_path / "view")
    assert not (tmp_path / "view/labels/train.cache").exists()
    assert snapshot(tmp_path / "set") == before


def test_no_foreign_folder_is_ever_replaced(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set")
    found = check(yaml)
    before = snapshot(tmp_path / "set")
    with pytest.raises(DataError) as caught:
        make_view(found, tmp_path / "set")
    assert caught.value.context == (f"{tmp_path / 'set'}: holds something else",)
    (tmp_path / "link").symlink_to(tmp_path / "set")
    with pytest.raises(DataError) as caught:
        make_view(found, tmp_path / "link")
    assert caught.value.context == (f"{tmp_path / 'link'}: is a link",)
    assert snapshot(tmp_path / "set") == before


def test_a_view_that_cannot_be_built(tmp_path: Path) -> None:
    found = check(write_set(tmp_path / "set"))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError) as caught:
        make_view(found, tmp_path / "file/view")
    assert caught.value.message == "the private view of the data set can't be built"
    assert caught.value.context == (f"{tmp_path / 'file/view'}: Not a directory",)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = check(write_set(tmp_path / "set"))

    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "symlink", full)
    with pytest.raises(ResourceError) as caught:
        make_view(found, tmp_path / "view")
    assert caught.value.message == "the disk is full"


def test_class_folders(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "pets")
    write_image(folder / "train/dog/deep/0.png", 50)
    for image in (folder / "val/cat").iterdir():
        image.unlink()
    assert make_view(check(folder, task="classify"), tmp_path / "view") == tmp_path / "view"
    assert _files(tmp_path / "view") == [
        ".yolow-view", "train/cat/0.png", "train/cat/1.png",
        "train/dog/0-0.png", "train/dog/1-1.png", "train/dog/2-0.png", "val/dog/0.png", "val/dog/1.png",
    ]  # fmt: skip
    assert (tmp_path / "view/val/cat").is_dir()
