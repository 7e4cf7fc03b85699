"""Real checkpoints, built once by Ultralytics in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ARCHITECTURES = (
    "yolo26n",
    "yolo26n-seg",
    "yolo26n-sem",
    "yolo11n-cls",
    "yolo11n-obb",
    "yolov8n-pose",
    "yolov5nu",
    "yolov9t",
    "yolov10n",
    "yolo12n",
    "yoloe-26n-seg",
    "yolov8s-worldv2",
    "rtdetr-l",
    "fused",
)


@dataclass(frozen=True)
class Built:
    """Checkpoints in a folder, and what Ultralytics says of each."""

    folder: Path
    facts: dict[str, dict[str, Any]]
    names: dict[str, list[str]]

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.pt"


def build(folder: Path, *names: str) -> Built:
    run_with_ultralytics("build_checkpoints.py", folder, *names)
    told = json.loads((folder / "facts.json").read_text())
    return Built(folder, told["checkpoints"], told["names"])


def run_with_ultralytics(script: str, folder: Path, *arguments: str) -> None:
    """Run a script of this folder in a process of its own; Ultralytics finds its settings in `folder`."""
    import matplotlib

    config = folder / "config"
    config.mkdir()
    # Ultralytics fetches a font for its plots unless one lies in its config folder.
    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    shutil.copyfile(font, config / "Arial.ttf")
    environment = {
        **os.environ,
        "YOLO_OFFLINE": "1",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": str(config),
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), str(folder), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
