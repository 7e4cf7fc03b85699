"""The second check of an unchanged set opens nothing; a changed, damaged or foreign cache never changes findings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from data_samples import BOX, check, write_image, write_label, write_set, write_yaml

from yolow.data.check import check_dataset
from yolow.data.dataset import load_dataset


@contextmanager
def _emptied(folder: Path) -> Iterator[None]:
    """Every file keeps size and time but loses its content: whoever opens one finds garbage."""
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.suffix in {".jpg", ".txt"}}
    for path in kept:
        _overwrite(path, b"\xff" * len(kept[path]))
    yield
    for path, content in kept.items():
        _overwrite(path, content)


def _overwrite(path: Path, content: bytes) -> None:
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _file(cache_dir: Path) -> Path:
    (file,) = (cache_dir / "data").iterdir()
    return file


def test_unchanged_files_are_not_opened(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set", label=BOX * 2 + "9 0.5 0.5 0.1 0.1\n0 3 3 3 3\n")
    (tmp_path / "set/images/train/0.jpg").write_bytes(b"x")
    first = check(yaml, cache_dir=tmp_path / "cache")
    with _emptied(tmp_path / "set"):
        assert check(yaml, cache_dir=tmp_path / "cache") == first
        assert check(yaml) != first  # without the cache the garbage is seen
    assert first.error_count > 5


def test_changed_files_are_opened_again(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set")
    first = check(yaml, cache_dir=tmp_path / "cache")
    write_label(tmp_path / "set/labels/train/0.txt", BOX + "1 0.5 0.5 0.1 0.1\n")
    (tmp_path / "set/images/val/0.jpg").write_bytes(b"x")
    second = check(yaml, cache_dir=tmp_path / "cache")
    assert second == check(yaml)
    assert second.splits["train"].instances == first.splits["train"].instances + 1
    assert second.errors == ("images/val/0.jpg: not an image that can be decoded",)


def test_another_layout_of_keypoints_reads_labels_again(tmp_path: Path) -> None:
    label = "0 .5 .5 .2 .2 .4 .4 1 .6 .6 0\n"
    yaml = write_set(tmp_path / "set", label=label, yaml="kpt_shape: [2, 3]\n")
    assert check(yaml, task="pose", cache_dir=tmp_path / "cache").label_format == "keypoints"
    write_yaml(yaml, yaml.read_text().replace("[2, 3]", "[3, 2]"))
    assert check(yaml, task="pose", cache_dir=tmp_path / "cache").label_format == "keypoints"
    write_yaml(yaml, yaml.read_text().replace("kpt_shape: [3, 2]", ""))
    assert check(yaml, task="segment", cache_dir=tmp_path / "cache").label_format == "polygons"


def test_other_class_names_use_what_is_known(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set", label="1 0.5 0.5 0.1 0.1\n")
    check(yaml, cache_dir=tmp_path / "cache")
    write_yaml(yaml, yaml.read_text().replace("[roof, car]", "[roof]"))
    found = check(yaml, cache_dir=tmp_path / "cache")
    assert found.errors[0] == "labels/train/0.txt:1: class 1, but the classes are 0 to 0"


class _Counting:
    """Progress that remembers where a phase began."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int | None]] = []

    def phase(self, name: str, detail: str = "") -> None: ...
    def advance(self, done: int, total: int | None, note: str = "") -> None:
        self.calls.append((done, total))

    def epoch(self, event: object) -> None: ...
    def message(self, text: str) -> None: ...
    def close(self) -> None: ...


def test_checking_one_split_keeps_what_is_known_of_the_other(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set", train=3, val=2)
    check(yaml, cache_dir=tmp_path / "cache")
    write_image(tmp_path / "set/images/val/new.jpg", 50)
    alone, both = _Counting(), _Counting()
    for splits, progress in ((("val",), alone), (("train", "val"), both)):
        dataset = load_dataset(yaml, splits=splits)
        check_dataset(dataset, task="detect", cache_dir=tmp_path / "cache", progress=progress)
    assert alone.calls == [(4, 5), (5, 5)]
    assert both.calls == [(11, 11)]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1, 2]", b"\x80\x04garbage", b"[" * 100_000, b'{"format": 1, "splits": 3}', b"null"],
)
def test_a_damaged_cache_is_ignored_and_replaced(tmp_path: Path, content: bytes) -> None:
    yaml = write_set(tmp_path / "set")
    first = check(yaml, cache_dir=tmp_path / "cache")
    whole = _file(tmp_path / "cache").read_bytes()
    _file(tmp_path / "cache").write_bytes(content)
    assert check(yaml, cache_dir=tmp_path / "cache") == first
    assert json.loads(_file(tmp_path / "cache").read_bytes()) == json.loads(whole)


def test_entries_of_wrong_types_are_ignored(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set")
    first = check(yaml, cache_dir=tmp_path / "cache")
    document = json.loads(_file(tmp_path / "cache").read_bytes())
    section = document["splits"]["train"]
    for row, value in zip(section["labels"].values(), (None, {"instances": "many"}, []), strict=True):
        row[3] = row[3] | value if isinstance(value, dict) else value
    for row, value in zip(section["images"].values(), (7, {"sha256": None}, []), strict=True):
        row[3] = row[3] | value if isinstance(value, dict) else value
    document["splits"]["val"] = [1]
    _file(tmp_path / "cache").write_text(json.dumps(document))
    assert check(yaml, cache_dir=tmp_path / "cache") == first


def test_a_cache_of_another_version_is_ignored(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set")
    check(yaml, cache_dir=tmp_path / "cache")
    file = _file(tmp_path / "cache")
    file.write_text(file.read_text().replace('"format":1,', '"format":0,'))
    with _emptied(tmp_path / "set"):
        assert check(yaml, cache_dir=tmp_path / "cache").errors


def test_a_cache_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set")
    (tmp_path / "cache").write_text("a file")
    assert check(yaml, cache_dir=tmp_path / "cache").errors == ()


def test_nothing_but_the_cache_is_left_there(tmp_path: Path) -> None:
    yaml = write_set(tmp_path / "set")
    check(yaml, cache_dir=tmp_path / "cache")
    assert _file(tmp_path / "cache").suffix == ".json"
    assert json.loads(_file(tmp_path / "cache").read_bytes())["dataset"] == str(yaml)
