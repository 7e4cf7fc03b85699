"""The weights file that a training leaves: what it carries, what it does not, and who can load it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from harness import Trained

from yolow.checkpoint.summary import read_checkpoint

_PLAIN = """
import json, sys
assert not any(name.startswith("yolow") for name in sys.modules)
from ultralytics import YOLO
model = YOLO(sys.argv[1])
result = model.predict(sys.argv[2], conf=0.001, imgsz=64, verbose=False)[0]
print(json.dumps({"names": result.names, "boxes": len(result.boxes)}))
"""


def test_no_folder_of_this_machine_is_left_inside(trained: Trained) -> None:
    with zipfile.ZipFile(trained.weights) as archive:
        pickled = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
    assert str(trained.folder).encode() not in pickled
    assert str(Path.cwd()).encode() not in pickled


def test_it_is_half_precision_without_optimizer_state(trained: Trained) -> None:
    checkpoint = read_checkpoint(trained.weights)
    assert set(checkpoint.dtypes) == {"float16"}
    assert not checkpoint.has_optimizer
    assert checkpoint.epoch is None
    assert checkpoint.names == {0: "light", 1: "dark"}
    assert checkpoint.train_args["data"] == "data.yaml"


def test_plain_ultralytics_loads_and_predicts_it_without_yolow(
    trained: Trained, base_env: dict[str, str], tmp_path: Path, cache_dir: Path
) -> None:
    image = trained.data.parent / "images" / "val" / "000.png"
    private = next(cache_dir.glob("ultralytics-*"))
    process = subprocess.run(
        [sys.executable, "-c", _PLAIN, str(trained.weights), str(image)],
        cwd=tmp_path, env=base_env | {"YOLO_CONFIG_DIR": str(private), "YOLO_OFFLINE": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(process.stdout.splitlines()[-1])["names"] == {"0": "light", "1": "dark"}
