"""Data sets: the code that upstream runs from them, and where its caches go."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_data import make_dataset

from yolow.data.check import check_dataset
from yolow.data.dataset import load_dataset
from yolow.data.view import make_view
from yolow.engine.data_script import run_download_script
from yolow.progress import Silent


class _MakesFolder:
    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self._folder,)


def _plant_cache(data: Path) -> tuple[Path, Path]:
    """A label cache whose loading leaves a mark."""
    mark = data.parent / "mark"
    cache = data.parent / "labels" / "train.cache"
    with cache.open("wb") as stream:
        np.save(stream, np.array(_MakesFolder(mark), dtype=object), allow_pickle=True)
    return cache, mark


def _read_labels(data: Path) -> Any:
    """Read the training split as the trainer does."""
    from ultralytics.data import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    checked = check_det_dataset(str(data))
    return YOLODataset(img_path=checked["train"], data=checked, task="detect", imgsz=64, augment=False)


def test_a_download_string_is_executed_when_images_are_missing(ultralytics: Any, tmp_path: Path) -> None:
    """Why data/dataset_yaml.py refuses one and data/view.py writes a YAML without it."""
    from ultralytics.data.utils import check_det_dataset

    data = make_dataset(tmp_path / "tiny", task="detect")
    mark = tmp_path / "mark"
    with data.open("a", encoding="utf-8") as stream:
        stream.write(f"download: \"import os; os.mkdir('{mark.as_posix()}')\"\n")
    check_det_dataset(str(data))
    assert not mark.exists()  # images are there
    shutil.rmtree(data.parent / "images" / "val")
    check_det_dataset(str(data))
    assert mark.exists()


def test_an_allowed_script_runs_with_the_datasets_folder_beside_the_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upstream hands the script `yaml` and downloads to `datasets_dir`: engine/data_script.py."""
    data = make_dataset(tmp_path / "tiny", task="detect")
    shutil.rmtree(data.parent / "images" / "val")
    code = (
        "from pathlib import Path; from ultralytics.utils import DATASETS_DIR; "
        "Path(yaml['val']).mkdir(); Path('said.txt').write_text(str(DATASETS_DIR))"
    )
    with data.open("a", encoding="utf-8") as stream:
        stream.write(f'download: "{code}"\n')
    run_download_script(data, scratch=tmp_path / "scratch", offline=True)
    assert (data.parent / "images" / "val").is_dir()
    assert (data.parent / "said.txt").read_text(encoding="utf-8") == str(data.parent)


def test_a_label_cache_is_unpickled_where_upstream_finds_it(ultralytics: Any, tmp_path: Path) -> None:
    """`<labels folder>.cache` beside the labels: why data/view.py hides the user's folders."""
    data = make_dataset(tmp_path / "tiny", task="detect")
    _, mark = _plant_cache(data)
    _read_labels(data)
    assert mark.exists()


def test_the_private_view_keeps_upstream_out_of_the_users_folders(ultralytics: Any, tmp_path: Path) -> None:
    """Caches are read and written in the view only, and labels are found through links: data/view.py."""
    data = make_dataset(tmp_path / "tiny", task="detect")
    cache, mark = _plant_cache(data)
    planted = cache.read_bytes()
    check = check_dataset(load_dataset(data), task="detect", cache_dir=None, progress=Silent())
    view = make_view(check, tmp_path / "view")
    dataset = _read_labels(view)
    assert not mark.exists()
    assert cache.read_bytes() == planted
    assert {path.name for path in cache.parent.iterdir()} == {"train", "val", "train.cache"}
    assert (view.parent / "labels" / "train.cache").exists()
    assert [len(label["cls"]) for label in dataset.labels] == [1] * 8


def test_the_folder_of_labels_is_images_renamed(ultralytics: Any) -> None:
    """The last `images` of the path becomes `labels`: data/split_files.py `label_path` does the same."""
    from ultralytics.data.utils import img2label_paths

    from yolow.data.split_files import label_path

    images = ["/d/images/train/a.jpg", "/images/d/images/b.c.png", "/d/train/images/x.jpeg", "/d/other/e.jpg"]
    assert [str(label_path(Path(image))) for image in images] == img2label_paths(images)


def test_class_folders_are_sorted_into_class_ids(ultralytics: Any, tmp_path: Path) -> None:
    """data/class_folders.py numbers classes as upstream does."""
    from ultralytics.data.utils import check_cls_dataset

    folder = make_dataset(tmp_path / "classes", task="classify")
    dataset = load_dataset(folder)
    checked = check_cls_dataset(str(folder))
    assert dict(dataset.names) == checked["names"] == {0: "dark", 1: "light"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_linked_folder_is_resolved_back_to_the_users(ultralytics: Any, tmp_path: Path) -> None:
    """Upstream resolves paths of splits: why data/view.py links files, not folders."""
    from ultralytics.data.utils import check_det_dataset

    data = make_dataset(tmp_path / "tiny", task="detect")
    other = tmp_path / "other"
    (other / "images").mkdir(parents=True)
    for split in ("train", "val"):
        (other / "images" / split).symlink_to(data.parent / "images" / split)
    copy = other / "data.yaml"
    shutil.copyfile(data, copy)
    assert check_det_dataset(str(copy))["train"] == str((data.parent / "images" / "train").resolve())
