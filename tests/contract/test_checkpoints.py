"""Checkpoints: what loading them runs, what stripping leaves, what fine-tuning keeps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_data import NAMES, make_dataset

from yolow.config.architectures import find_architecture
from yolow.engine.checkpoints import finalize_weights

from .conftest import Probe, TinyTraining, build_trainer, train_tiny


class _MakesFolder:
    """A pickle of this makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self._folder,)


_LOAD = """
import sys
from ultralytics import YOLO
try:
    YOLO(sys.argv[1])
except TypeError as error:
    print(error)
"""


def _hostile_checkpoint(folder: Path) -> tuple[Path, Path]:
    import torch

    mark = folder / "mark"
    torch.save({"model": _MakesFolder(mark), "train_args": {}}, folder / "evil.pt")
    return folder / "evil.pt", mark


def test_loading_a_checkpoint_runs_what_it_says(ultralytics: Any, probe: Probe, tmp_path: Path) -> None:
    """Without `ULTRALYTICS_SAFE_LOAD`: why engine/upstream.py sets it."""
    checkpoint, mark = _hostile_checkpoint(tmp_path)
    said = probe(_LOAD, checkpoint, cwd=tmp_path, YOLO_OFFLINE="1", YOLO_CONFIG_DIR=str(tmp_path))
    assert mark.exists()
    assert "outside the supported" in said  # it reads like a refusal all the same


def test_safe_loading_refuses_before_it_runs_anything(ultralytics: Any, tmp_path: Path) -> None:
    """With `ULTRALYTICS_SAFE_LOAD=1`, as engine/upstream.py sets it."""
    checkpoint, mark = _hostile_checkpoint(tmp_path)
    with pytest.raises(TypeError, match="types outside the supported Ultralytics checkpoint format"):
        ultralytics.YOLO(str(checkpoint))
    assert not mark.exists()


def test_safe_loading_is_supported_by_this_torch(ultralytics: Any) -> None:
    """Where it is not, upstream silently loads unsafely: pyproject.toml demands a torch that has it."""
    from ultralytics.nn.tasks import _SafeLoad

    assert _SafeLoad.SUPPORTED


@pytest.mark.slow
def test_resumable_checkpoints_load_safely(detect: TinyTraining) -> None:
    """Optimizer and scaler included, and nothing but a network, tensors and plain values: engine/checkpoints.py."""
    from ultralytics.nn.tasks import torch_safe_load

    checkpoint, _ = torch_safe_load(detect.trainer.last, safe_only=True)
    assert checkpoint["epoch"] == 1
    assert checkpoint["optimizer"]["state"]
    assert checkpoint["model"] is None
    assert type(checkpoint["ema"]).__name__ == "DetectionModel"


@pytest.mark.slow
def test_stripping_takes_updates_and_leaves_half_precision(detect: TinyTraining, tmp_path: Path) -> None:
    """`strip_optimizer(f, s, updates)` leaves `f` alone: engine/checkpoints.py `finalize_weights`."""
    import torch
    from ultralytics.nn.tasks import torch_safe_load
    from ultralytics.utils.torch_utils import strip_optimizer

    source, target = detect.trainer.best, tmp_path / "stripped.pt"
    before = source.read_bytes()
    strip_optimizer(source, s=str(target), updates={"git": {"root": None}, "train_args": {"imgsz": 64}})
    assert source.read_bytes() == before
    checkpoint, _ = torch_safe_load(target, safe_only=True)
    assert (checkpoint["git"], checkpoint["train_args"]) == ({"root": None}, {"imgsz": 64})
    assert [checkpoint[key] for key in ("optimizer", "ema", "updates", "best_fitness", "scaler")] == [
        None
    ] * 5
    assert checkpoint["epoch"] == -1
    assert {parameter.dtype for parameter in checkpoint["model"].parameters()} == {torch.float16}


@pytest.mark.slow
def test_final_weights_load_in_plain_ultralytics(
    detect: TinyTraining, cache_dir: Path, probe: Probe, tmp_path: Path
) -> None:
    """In a process that yolow has not prepared: engine/checkpoints.py `finalize_weights`."""
    target = tmp_path / "final.pt"
    finalize_weights(detect.trainer.best, target, cache_dir=cache_dir)
    code = "import sys; from ultralytics import YOLO; print(YOLO(sys.argv[1]).names)"
    said = probe(code, target, cwd=tmp_path, YOLO_OFFLINE="1", YOLO_CONFIG_DIR=str(tmp_path))
    assert said.splitlines()[-1] == str(dict(enumerate(NAMES)))


@pytest.mark.slow
def test_where_a_stripped_checkpoint_names_folders(detect: TinyTraining, tmp_path: Path) -> None:
    """All the places that engine/checkpoints.py `finalize_weights` must clear; the network's own `args` is one."""
    from ultralytics.nn.tasks import torch_safe_load
    from ultralytics.utils.torch_utils import strip_optimizer

    strip_optimizer(detect.trainer.best, s=str(tmp_path / "stripped.pt"))
    checkpoint, _ = torch_safe_load(tmp_path / "stripped.pt", safe_only=True)
    found = set(_absolute_paths({**checkpoint, "model": vars(checkpoint["model"])}))
    arguments = {("train_args", "data"), ("model", "args", "data"), ("model", "args", "save_dir")}
    assert {place for place in found if place[0] != "git"} == arguments
    assert set(checkpoint["git"]) == {"root", "branch", "commit", "message", "origin"}


def _absolute_paths(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            inside = (*place, str(key))
            yield from _absolute_paths(item, inside)
    elif isinstance(value, str | Path) and Path(value).is_absolute():
        yield place


@pytest.mark.slow
def test_frozen_layers_keep_every_bit(detect: TinyTraining, tmp_path: Path) -> None:
    """`freeze=N` holds parameters and batch-norm statistics of layers 0..N-1: recipes hand it N of the backbone."""
    import torch
    from ultralytics.nn.tasks import load_checkpoint

    from yolow.engine.trainers import TRAINERS

    layers = find_architecture("yolo26n.yaml").backbone_layers
    tuned = train_tiny(
        TRAINERS["detect"], tmp_path / "run", detect.data, task="detect", model=str(detect.trainer.best),
        freeze=layers,
    )  # fmt: skip
    before = load_checkpoint(detect.trainer.best)[0].state_dict()
    after = load_checkpoint(tuned.trainer.last)[0].state_dict()
    changed = {int(name.split(".")[1]) for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert min(changed) >= layers


@pytest.mark.slow
def test_the_class_head_is_mapped_by_name(detect: TinyTraining, tmp_path: Path) -> None:
    """A class keeps its rows where the order differs (`cls_remap`): what `yolow finetune` promises."""
    import torch
    from ultralytics.nn.tasks import load_checkpoint

    from yolow.engine.trainers import TRAINERS

    data = make_dataset(tmp_path / "turned", task="detect")
    turned = data.read_text(encoding="utf-8").replace("0: light", "0: dark").replace("1: dark", "1: light")
    data.write_text(turned, encoding="utf-8")
    trainer = build_trainer(
        TRAINERS["detect"], tmp_path / "run", data, task="detect", model=str(detect.trainer.best)
    )
    trainer.setup_model()
    parent = load_checkpoint(detect.trainer.best)[0].model[-1]
    head = trainer.model.model[-1]
    for ours, theirs in zip(head.cv3, parent.cv3, strict=True):
        assert torch.equal(ours[-1].bias, theirs[-1].bias.flip(0))
        assert torch.equal(ours[-1].weight, theirs[-1].weight.flip(0))
        assert not torch.equal(theirs[-1].weight, theirs[-1].weight.flip(0))


@pytest.mark.slow
def test_weights_of_another_task_are_not_refused_by_upstream(detect: TinyTraining) -> None:
    """`YOLO(path, task=…)` takes the task of the file: why yolow compares tasks before it trains or validates."""
    from ultralytics import YOLO

    assert YOLO(str(detect.trainer.best), task="segment").task == "detect"
