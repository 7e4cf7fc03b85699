"""`yolow predict` on files, folders, globs, videos and addresses, as a user runs it."""

from __future__ import annotations

import csv
import functools
import http.server
import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., Any]


@pytest.fixture
def predict(run_yolow: Run, trained: Any, workdir: Path) -> Run:
    """`yolow predict` with the small network, at a confidence at which it finds something."""

    def run(*arguments: str | Path, **options: Any) -> Any:
        return run_yolow(
            "predict", *arguments, "--weights", "tiny", "--store", trained.folder / "weights", "--imgsz", "64",
            "--conf", "0.0001", cwd=workdir, **options,
        )  # fmt: skip

    return run


@pytest.fixture
def images(trained: Any, workdir: Path) -> Path:
    """Two folders whose images share their names."""
    for name in ("a", "b"):
        (workdir / "in" / name).mkdir(parents=True)
        for index in (0, 1):
            source = trained.data.parent / "images" / "train" / f"00{index}.png"
            shutil.copy(source, workdir / "in" / name / f"{index}.png")
    return workdir / "in"


def written(workdir: Path, folder: str = "predictions") -> set[str]:
    return {
        path.relative_to(workdir / folder).as_posix()
        for path in (workdir / folder).rglob("*")
        if path.is_file()
    }


def test_files_agree_with_the_document(predict: Run, images: Path, workdir: Path) -> None:
    finished = predict("in", "--save-json", "--save-csv", "--save-txt", "--json")
    assert finished.code == 0, finished.err
    document = finished.document
    assert [image["source"] for image in document["images"]] == ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
    found = [(image, one) for image in document["images"] for one in image["detections"]]
    assert found
    assert document["detections"] == len(found) == sum(document["counts"].values())
    assert document["images_done"] == document["sources"] == 4
    pictures = {"a/0.png", "a/1.png", "b/0.png", "b/1.png"}
    texts = {f"labels/{name[:-4]}.txt" for name in pictures}
    assert written(workdir) == pictures | texts | {"predictions.json", "predictions.csv"}

    coco = json.loads((workdir / "predictions" / "predictions.json").read_text(encoding="utf-8"))
    for entry, (image, one) in zip(coco, found, strict=True):
        left, top, right, bottom = one["box_xyxy"]
        assert (entry["file_name"], entry["category_id"], entry["category_name"], entry["score"]) == (
            image["source"], one["class_id"], one["name"], one["confidence"])  # fmt: skip
        assert entry["bbox"] == pytest.approx([left, top, right - left, bottom - top], abs=0.01)
    with (workdir / "predictions" / "predictions.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for row, (image, one) in zip(rows, found, strict=True):
        assert (row["source"], row["name"], float(row["confidence"])) == (
            image["source"], one["name"], one["confidence"])  # fmt: skip
        assert [float(row[key]) for key in ("x1", "y1", "x2", "y2")] == one["box_xyxy"]
    for image in document["images"]:
        text = (
            (workdir / "predictions" / "labels" / image["source"])
            .with_suffix(".txt")
            .read_text(encoding="utf-8")
        )
        for line, one in zip(text.splitlines(), image["detections"], strict=True):
            class_id, x, y, w, h, _ = map(float, line.split())
            corners = [(x - w / 2) * 64, (y - h / 2) * 64, (x + w / 2) * 64, (y + h / 2) * 64]
            assert class_id == one["class_id"]
            assert corners == pytest.approx(one["box_xyxy"], abs=0.01)


def test_same_names_get_outputs_of_their_own(predict: Run, images: Path, workdir: Path) -> None:
    Image.open(images / "a" / "0.png").save(images / "a" / "0.jpg")
    shutil.copy(images / "a" / "1.png", workdir / "0-2.png")
    finished = predict(
        images / "a" / "0.png",
        images / "b" / "0.png",
        images / "a" / "0.jpg",
        "0-2.png",
        "--save-txt",
        "--json",
    )
    assert finished.code == 0, finished.err
    assert written(workdir) == {
        "0.png", "0-2.png", "0-3.jpg", "0-2-2.png",
        "labels/0.txt", "labels/0-2.txt", "labels/0-3.txt", "labels/0-2-2.txt",
    }  # fmt: skip


def test_glob_and_dry_run(predict: Run, images: Path, workdir: Path) -> None:
    finished = predict("in/*/1.png", "--dry-run", "--json")
    assert (finished.code, finished.document["sources"], finished.document["images"]) == (0, 2, [])
    assert not (workdir / "predictions").exists()


def test_classes_by_name_and_id(predict: Run, images: Path) -> None:
    for classes, expected in (("dark", {"dark"}), ("0", {"light"}), ("LIGHT, 1", {"light", "dark"})):
        counts = predict("in", "--classes", classes, "--no-save", "--json").document["counts"]
        assert set(counts) <= expected
    refused = predict("in", "--classes", "lihgt,7", "--json")
    assert refused.code == 2
    assert refused.document["error"]["context"][:2] == [
        "unknown class 'lihgt' (did you mean 'light'?)",
        "unknown class '7'",
    ]


@pytest.mark.slow
def test_one_bad_among_good(predict: Run, images: Path, workdir: Path) -> None:
    (images / "a" / "bad.png").write_text("no image", encoding="utf-8")
    (images / "a" / "empty.jpg").write_bytes(b"")
    finished = predict("in/a", "--json")
    document = finished.document
    assert (finished.code, document["status"], document["error"]["kind"]) == (2, "error", "input")
    assert [image["source"] for image in document["images"]] == ["0.png", "1.png"]
    assert [entry["source"] for entry in document["bad_inputs"]] == ["bad.png", "empty.jpg"]
    assert "error: 2 inputs can't be read\n" in finished.err
    assert "  bad.png: not an image that can be decoded\n" in finished.err
    assert "hint: --max-bad-inputs 2 lets them pass\n" in finished.err
    assert written(workdir) == {"0.png", "1.png"}
    assert predict("in/a", "--max-bad-inputs", "2", "--json").document["status"] == "done"
    assert predict("in/a", "--max-bad-inputs", "1").code == 2


def test_nothing_to_look_at(predict: Run, workdir: Path) -> None:
    (workdir / "empty").mkdir()
    for source, message in (("empty", "no images or videos there"), ("none.jpg", "no such file, folder or glob"),
                            ("*.jpg", "no images or videos there")):  # fmt: skip
        finished = predict(source, "--json")
        assert (finished.code, finished.document["error"]["kind"]) == (2, "input")
        assert finished.document["error"]["message"] == message
    assert not (workdir / "predictions").exists()


def test_inputs_are_never_overwritten(predict: Run, images: Path, workdir: Path) -> None:
    _video(workdir / "clip.mp4")
    before = {path: path.read_bytes() for path in [*images.rglob("*.png"), workdir / "clip.mp4"]}
    for arguments in (
        ("in/a", "--out", "in/a"),
        (images / "a" / "0.png", images / "b" / "0.png", "--out", images / "b"),
        ("clip.mp4", "--out", "."),
    ):
        finished = predict(*arguments, "--json")
        assert finished.code == 2
        assert finished.document["error"]["message"] == "an annotated copy would overwrite an input"
    assert {path: path.read_bytes() for path in before} == before
    assert predict("in/a", "--out", "in/a", "--no-save", "--json").code == 0


def test_output_folder_is_a_file(predict: Run, images: Path, workdir: Path) -> None:
    (workdir / "file").write_text("mine", encoding="utf-8")
    finished = predict("in", "--out", "file")
    assert finished.code == 2
    assert finished.err.splitlines()[-3:] == [
        "error: the output folder can't be made",
        f"  {workdir / 'file'}: File exists",
        "hint: choose another folder with --out",
    ]


def _video(path: Path, frames: int = 6) -> None:
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 5.0, (64, 64))
    for index in range(frames):
        frame = np.full((64, 64, 3), 110, np.uint8)
        frame[10 + index : 40 + index, 10:40] = 230
        writer.write(frame)
    writer.release()


@pytest.mark.slow
def test_video(predict: Run, workdir: Path) -> None:
    import cv2

    _video(workdir / "clip.mp4")
    finished = predict("clip.mp4", "--save-txt", "--json")
    assert finished.code == 0, finished.err
    assert [image["frame"] for image in finished.document["images"]] == [1, 2, 3, 4, 5, 6]
    assert written(workdir) == {"clip.mp4", *(f"labels/clip_{frame}.txt" for frame in range(1, 7))}
    capture = cv2.VideoCapture(str(workdir / "predictions" / "clip.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    capture.release()
    assert len(predict("clip.mp4", "--vid-stride", "3", "--no-save", "--json").document["images"]) == 2
    (workdir / "broken.mp4").write_bytes(b"no video")
    broken = predict("broken.mp4", "--json")
    assert (broken.code, broken.document["error"]["kind"]) == (2, "input")


@pytest.fixture
def address(images: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(images))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_addresses(predict: Run, address: str, workdir: Path) -> None:
    finished = predict(
        f"{address}/a/0.png?size=1", f"{address}/b/0.png", "--json", env={"no_proxy": "127.0.0.1"}
    )
    assert finished.code == 0, finished.err
    assert [image["source"] for image in finished.document["images"]] == [
        f"{address}/a/0.png?size=1",
        f"{address}/b/0.png",
    ]
    assert written(workdir) == {"0.png", "0-2.png"}
    offline = predict(f"{address}/a/0.png", "--offline", "--json")
    assert (offline.code, offline.document["error"]["kind"]) == (2, "input")
    missing = predict(f"{address}/none.png", "--json", env={"no_proxy": "127.0.0.1"})
    assert (missing.code, missing.document["error"]["kind"]) == (2, "network")


def test_a_pipe_gets_no_escape_codes_and_quiet_says_nothing(predict: Run, images: Path) -> None:
    finished = predict("in")
    assert finished.code == 0
    assert "\x1b" not in finished.out + finished.err
    assert "a/0.png" in finished.out
    quiet = predict("in", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


@pytest.mark.slow
@pytest.mark.shared
def test_samples_as_plain_ultralytics_sees_them(
    run_yolow: Run, shared_folder: Path, workdir: Path, base_env: dict[str, str]
) -> None:
    import os
    import subprocess
    import sys

    env = {"YOLOW_WEIGHTS_DIR": str(shared_folder / "weights")}
    finished = run_yolow("predict", "bus.jpg", "zidane.jpg", "--json", cwd=workdir, env=env)
    assert finished.code == 0, finished.err
    images = finished.document["images"]
    sure = [
        Counter(one["name"] for one in image["detections"] if one["confidence"] > 0.5) for image in images
    ]
    assert (sure[0]["person"], sure[0]["bus"], sure[1]["person"]) == (4, 1, 2)
    assert any("sample" in warning for warning in finished.document["warnings"])
    plain = (
        "import json, sys\nfrom ultralytics import ASSETS, YOLO\nmodel = YOLO(sys.argv[1])\n"
        "names = ('bus.jpg', 'zidane.jpg')\n"
        "results = [model.predict(str(ASSETS / name), verbose=False)[0] for name in names]\n"
        "print(json.dumps([r.boxes.data.tolist() for r in results]))\n"
    )
    upstream = base_env | {"YOLO_OFFLINE": "1", "YOLO_CONFIG_DIR": str(workdir), "YOLO_VERBOSE": "False",
                           "PATH": os.environ["PATH"]}  # fmt: skip
    output = subprocess.run(
        [sys.executable, "-c", plain, str(shared_folder / "weights" / "yolo26n.pt")],
        cwd=workdir, env=upstream, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for image, boxes in zip(images, json.loads(output.splitlines()[-1]), strict=True):
        for one, box in zip(image["detections"], boxes, strict=True):
            assert one["box_xyxy"] == pytest.approx(box[:4], abs=1.0)
            assert one["class_id"] == box[5]
