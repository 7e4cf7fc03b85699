"""The renderer of the demo data: repeatable, honestly labelled, and careful with folders that aren't its own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from yolow.config.strict_yaml import parse_yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from render_solar import main, render_scene, write_dataset  # noqa: E402

SIZE = 160
SEEDS = range(60)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def read_boxes(label: Path) -> np.ndarray:
    rows = [[float(word) for word in line.split()] for line in label.read_text().splitlines()]
    return np.array(rows).reshape(-1, 5)


def scene(seed: int, empty_share: float) -> tuple[np.ndarray, np.ndarray]:
    return render_scene(np.random.default_rng(seed), SIZE, empty_share)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rendered") / "solar"
    write_dataset(out, train=40, val=10, size=SIZE, seed=3)
    return out


def test_the_same_seed_gives_the_same_bytes_in_another_process(rendered: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/render_solar.py"), "again"]
    options = ["--train", "40", "--val", "10", "--size", str(SIZE), "--seed", "3"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "rendered 50 pictures into again\n", "")
    assert digests(tmp_path / "again") == digests(rendered)


def test_a_larger_set_begins_with_the_smaller_one(rendered: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path / "small", train=3, val=2, size=SIZE, seed=3)
    small, large = digests(tmp_path / "small"), digests(rendered)
    pictures = {name for name in small if name.startswith(("images/", "labels/"))}
    assert len(pictures) == 10
    assert {name: small[name] for name in pictures} == {name: large[name] for name in pictures}


def test_seeds_and_splits_share_no_picture(rendered: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path / "other", train=10, val=10, size=SIZE, seed=4)
    pictures = [
        digest
        for folder in (rendered, tmp_path / "other")
        for name, digest in digests(folder).items()
        if name.endswith(".jpg")
    ]
    assert len(pictures) == 70
    assert len(set(pictures)) == 70


def test_files_are_those_that_training_expects(rendered: Path) -> None:
    assert parse_yaml((rendered / "data.yaml").read_text(), source="data.yaml").value == {
        "train": "images/train",
        "val": "images/val",
        "names": {0: "solar-panel"},
    }
    for split, count in (("train", 40), ("val", 10)):
        images = sorted((rendered / "images" / split).iterdir())
        assert len(images) == count
        assert all(cv2.imread(str(image)).shape == (SIZE, SIZE, 3) for image in images)
        assert [f"{image.stem}.txt" for image in images] == sorted(
            label.name for label in (rendered / "labels" / split).iterdir()
        )


def test_labels_lie_in_the_picture_and_are_large_enough_to_learn(rendered: Path) -> None:
    rows = np.concatenate([read_boxes(label) for label in sorted(rendered.glob("labels/*/*.txt"))])
    assert len(rows) > 60
    assert set(rows[:, 0]) == {0}
    centres, sides = rows[:, 1:3], rows[:, 3:5]
    assert (centres - sides / 2 >= -1e-6).all()
    assert (centres + sides / 2 <= 1 + 1e-6).all()
    assert (sides > 0.01).all()
    assert 0.15 < np.median(sides.max(axis=1)) < 0.4


def test_label_lines_are_the_boxes_of_the_scene(rendered: Path) -> None:
    _, boxes = render_scene(np.random.default_rng([3, 0, 7]), SIZE)
    rows = read_boxes(rendered / "labels/train/train_00007.txt")
    corners = np.hstack([rows[:, 1:3] - rows[:, 3:5] / 2, rows[:, 1:3] + rows[:, 3:5] / 2]) * SIZE
    assert len(boxes) > 0
    np.testing.assert_allclose(corners, boxes, atol=1e-3)


def test_boxes_bound_exactly_what_the_panels_change() -> None:
    """The same scene with and without panels differs inside the boxes, up to each of their sides."""
    boxes_seen = 0
    for seed in SEEDS:
        with_panels, boxes = scene(seed, empty_share=0.0)
        without, no_boxes = scene(seed, empty_share=1.0)
        assert len(no_boxes) == 0
        changed = np.abs(with_panels.astype(int) - without.astype(int)).max(axis=2)
        inside = np.zeros((SIZE, SIZE), bool)
        for x1, y1, x2, y2 in boxes.astype(int):
            inside[y1:y2, x1:x2] = True
            strips = (changed[y1 : y1 + 2], changed[y2 - 2 : y2])
            assert all(strip[:, x1:x2].max() > 4 for strip in strips), seed
            strips = (changed[:, x1 : x1 + 2], changed[:, x2 - 2 : x2])
            assert all(strip[y1:y2].max() > 4 for strip in strips), seed
        # the array's own narrow shadow and the blur reach a little over the box, the blur's tail by a level
        reach = cv2.dilate(inside.astype(np.uint8), np.ones((15, 15), np.uint8)).astype(bool)
        assert changed[~reach].max(initial=0) <= 1, seed
        boxes_seen += len(boxes)
    assert boxes_seen > 100


def test_about_a_tenth_of_the_pictures_have_no_panels() -> None:
    empty = np.mean([len(render_scene(np.random.default_rng([9, i]), 96)[1]) == 0 for i in range(200)])
    assert 0.04 < empty < 0.2


def test_a_complete_set_is_reused_and_another_one_replaced(tmp_path: Path) -> None:
    out = tmp_path / "solar"
    assert write_dataset(out, train=2, val=1, size=96, seed=0)
    first = digests(out)
    (out / "labels/train.cache").write_bytes(b"left by a training")
    assert not write_dataset(out, train=2, val=1, size=96, seed=0)
    assert write_dataset(out, train=1, val=1, size=96, seed=1)
    assert json.loads((out / "manifest.json").read_text())["seed"] == 1
    assert len(list(out.glob("images/train/*"))) == 1
    assert write_dataset(out, train=2, val=1, size=96, seed=0)
    assert digests(out) == first
    assert [path.name for path in tmp_path.iterdir()] == ["solar"]


def test_an_incomplete_set_is_rendered_again(tmp_path: Path) -> None:
    out = tmp_path / "solar"
    write_dataset(out, train=2, val=1, size=96, seed=0)
    first = digests(out)
    (out / "labels/train/train_00001.txt").unlink()
    assert write_dataset(out, train=2, val=1, size=96, seed=0)
    assert digests(out) == first


@pytest.mark.parametrize("own_set_first", [False, True])
def test_a_folder_with_other_files_is_refused(
    own_set_first: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "photographs"
    if own_set_first:
        write_dataset(out, train=1, val=1, size=96, seed=0)
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / "images/mine.jpg").write_bytes(b"precious")
    before = digests(out)
    assert main([str(out), "--train", "2", "--val", "1", "--size", "96"]) == 2
    assert capsys.readouterr() == (
        "",
        f"error: cannot render into {out}: it holds images/mine.jpg, which this script did not write\n",
    )
    assert digests(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["photographs"]


@pytest.mark.parametrize("manifest", ["[]", "{", '{"tool": "other", "train": 1, "val": 1}'])
def test_a_foreign_manifest_is_refused(
    manifest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    assert main([str(tmp_path), "--train", "1", "--val", "1"]) == 2
    assert "it holds manifest.json, which this script did not write" in capsys.readouterr().err
    assert (tmp_path / "manifest.json").read_text() == manifest


def test_a_file_in_the_way_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("text")
    assert main([str(tmp_path / "taken"), "--train", "1", "--val", "1"]) == 2
    assert capsys.readouterr().err == f"error: cannot render into {tmp_path}/taken: it is a file\n"
    assert main([str(tmp_path / "taken/solar"), "--train", "1", "--val", "1"]) == 2
    assert "File exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value", "limits"),
    [("--train", "0", "from 1 to 99999"), ("--size", "95", "from 96 to 2048"), ("--seed", "-1", "from 0 to")],
)
def test_values_out_of_range_are_refused(
    flag: str, value: str, limits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path / "solar"), f"{flag}={value}"])
    assert caught.value.code == 2
    assert f"{flag} must be {limits}" in capsys.readouterr().err
    assert not (tmp_path / "solar").exists()


def test_the_example_yaml_points_at_the_demo_and_names_the_same_classes(rendered: Path) -> None:
    example_path = ROOT / "configs/data/solar.yaml"
    example = parse_yaml(example_path.read_text(), source="solar.yaml").value
    made = parse_yaml((rendered / "data.yaml").read_text(), source="data.yaml").value
    assert (example_path.parent / example.pop("path")).resolve() == ROOT / "demo/solar"
    assert example == made
