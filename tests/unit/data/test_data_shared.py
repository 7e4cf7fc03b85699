"""The shared photographs: what is known of them is what the check says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from data_samples import check, snapshot

from yolow.data.dataset import find_dataset
from yolow.data.view import make_view

pytestmark = pytest.mark.shared


def test_solar_has_nothing_wrong_and_is_checked_fast(shared_folder: Path, tmp_path: Path) -> None:
    yaml = find_dataset(str(shared_folder / "data/solar"))
    seconds = []  # of the processor, all threads together: a busy machine doesn't count
    for _ in range(2):
        start = time.process_time()
        found = check(yaml, cache_dir=tmp_path)
        seconds.append(time.process_time() - start)
    assert (found.errors, found.warnings) == ((), ())
    assert found.dataset.name == "solar"
    assert {name: (facts.images, facts.instances) for name, facts in found.splits.items()} == {
        "train": (181, 477),
        "val": (89, 303),
    }
    assert found.fingerprint == "6167d2fe65a8bdd879fefee7232d7c4be5af95859f450df3584c1a55d6980127"
    assert seconds[0] < 1.5
    assert seconds[1] < 0.15


@pytest.mark.parametrize(
    ("name", "folder", "background", "instances"),
    [
        ("coco128", "train", ["000000000250", "000000000508"], 929),
        ("coco_val", "val", [], 898),
    ],
)
def test_coco_has_one_folder_for_both_splits(
    shared_folder: Path, name: str, folder: str, background: list[str], instances: int
) -> None:
    found = check(find_dataset(str(shared_folder / "data" / name)))
    expected = [f"train and val are the same images (images/{folder}): metrics will be too good"]
    if background:
        listed = ", ".join(f"images/{folder}/{stem}.jpg" for stem in background)
        expected.append(f"train: 2 of 128 images without a label file, taken as background: {listed}")
    assert found.errors == ()
    assert list(found.warnings) == expected
    assert found.splits["train"].instances == instances
    assert found.splits["val"].background == len(background)


def test_the_view_leaves_the_photographs_alone(shared_folder: Path, tmp_path: Path) -> None:
    before = snapshot(shared_folder / "data/solar")
    make_view(check(shared_folder / "data/solar/data.yaml"), tmp_path / "view")
    assert len(list((tmp_path / "view/labels/train").iterdir())) == 181
    assert snapshot(shared_folder / "data/solar") == before
