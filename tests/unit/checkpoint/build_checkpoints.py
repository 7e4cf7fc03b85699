"""Build real checkpoints with Ultralytics and write down what Ultralytics itself says of them.

Run in a process of its own: `python build_checkpoints.py FOLDER NAME ...`, or with `trained` as the only name.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import shutil
import sys
from pathlib import Path

import torch
from ultralytics import RTDETR, YOLO
from ultralytics.nn.tasks import torch_safe_load


def build(folder: Path, name: str) -> None:
    if name == "fused":
        model = YOLO("yolo26n.yaml", verbose=False)
        model.model.fuse()
    elif name.startswith("rtdetr"):
        model = RTDETR(f"{name}.yaml")
    else:
        model = YOLO(f"{name}.yaml", verbose=False)
    model.save(folder / f"{name}.pt")


def train(folder: Path) -> None:
    """One epoch of a detector and of a classifier; keeps the resumable and the stripped checkpoint of each."""
    import cv2
    import numpy as np

    chance = np.random.default_rng(0)
    for split in ("train", "val"):
        for part in (f"images/{split}", f"labels/{split}", f"classes/{split}/a", f"classes/{split}/b"):
            (folder / part).mkdir(parents=True)
        for index in range(4):
            image = chance.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / f"images/{split}/{index}.png"), image)
            cv2.imwrite(str(folder / f"classes/{split}/{'ab'[index % 2]}/{index}.png"), image)
            (folder / f"labels/{split}/{index}.txt").write_text("0 .5 .5 .4 .4\n")
    (folder / "data.yaml").write_text(
        f"path: {folder}\ntrain: images/train\nval: images/val\nnames: [panel]\n"
    )
    for name, data in (("yolo26n", folder / "data.yaml"), ("yolo11n-cls", folder / "classes")):
        model = YOLO(f"{name}.yaml", verbose=False)
        kept = folder / f"{name}-resumable.pt"
        model.add_callback("on_model_save", lambda trainer, kept=kept: shutil.copyfile(trainer.last, kept))
        model.train(
            data=str(data), epochs=1, imgsz=64, batch=2, workers=0, device="cpu", plots=False, verbose=False,
            project=str(folder / "runs"), name=name,
        )  # fmt: skip
        shutil.copyfile(model.trainer.last, folder / f"{name}-stripped.pt")


def facts(path: Path) -> dict[str, object]:
    """What Ultralytics finds in a checkpoint, loaded with its own allow-list."""
    checkpoint, _ = torch_safe_load(path, safe_only=True)
    model = checkpoint.get("ema") or checkpoint["model"]
    return {
        "task": model.task if hasattr(model, "task") else None,
        "names": model.names,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "layers": len(model.model),
        "backbone_layers": len(model.yaml["backbone"]),
        "end2end": any(name.startswith("one2one") for name, _ in model.model[-1].named_children()),
        "fused": model.is_fused(),
        "kpt_shape": list(model.kpt_shape) if hasattr(model, "kpt_shape") else None,
    }


def layer_names() -> dict[str, list[str]]:
    """Which CapWords names of torch's and Ultralytics' layer modules are network classes, and which are not."""
    names: dict[str, list[str]] = {"layers": [], "others": []}
    for package in ("torch.nn.modules", "ultralytics.nn.modules"):
        root = importlib.import_module(package)
        for entry in pkgutil.iter_modules(root.__path__):
            module = importlib.import_module(f"{package}.{entry.name}")
            for name, value in vars(module).items():
                if name.startswith("_"):
                    continue
                is_layer = inspect.isclass(value) and issubclass(value, torch.nn.Module)
                names["layers" if is_layer else "others"].append(f"{module.__name__} {name}")
    tasks = importlib.import_module("ultralytics.nn.tasks")
    for name, value in vars(tasks).items():
        if not name.startswith("_") and getattr(value, "__module__", None) == tasks.__name__:
            names["layers" if inspect.isclass(value) else "others"].append(f"{tasks.__name__} {name}")
    return names


def main() -> None:
    folder, *names = Path(sys.argv[1]), *sys.argv[2:]
    torch.set_num_threads(1)
    if names == ["trained"]:
        train(folder)
    for name in names:
        if name != "trained":
            build(folder, name)
    known = {path.stem: facts(path) for path in sorted(folder.glob("*.pt"))}
    (folder / "facts.json").write_text(json.dumps({"checkpoints": known, "names": layer_names()}))


main()
