"""What the contract tests share: Ultralytics behind yolow's door, and one tiny training for each task.

A contract test states one fact about Ultralytics that a file of yolow relies on, and names that file. After an
upgrade the failing tests say what has moved and which file to mend.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tiny_data import make_dataset

from yolow.engine import upstream

ARCHITECTURES = {
    "detect": "yolo26n.yaml",
    "segment": "yolo26n-seg.yaml",
    "classify": "yolo26n-cls.yaml",
    "pose": "yolo26n-pose.yaml",
    "obb": "yolo26n-obb.yaml",
}


@dataclass
class Recorder:
    """Writes down what the trainer looks like at each callback."""

    threads_in_epochs: int
    events: list[str] = field(default_factory=list)
    threads: dict[str, list[int]] = field(default_factory=dict)
    stop_at_save: list[bool] = field(default_factory=list)
    epoch_in_last: list[int] = field(default_factory=list)
    first_checkpoint: Path | None = None

    def attach(self, trainer: Any) -> None:
        for event in (
            "on_train_start", "on_train_epoch_start", "on_train_batch_start", "on_train_batch_end",
            "on_val_start", "on_model_save", "on_fit_epoch_end", "on_train_end",
        ):  # fmt: skip
            trainer.add_callback(event, self._note(event))

    def _note(self, event: str) -> Callable[[Any], None]:
        def note(runner: Any) -> None:
            import torch

            self.events.append(event)
            self.threads.setdefault(event, []).append(torch.get_num_threads())
            if event == "on_train_start":
                torch.set_num_threads(self.threads_in_epochs)
            if event == "on_model_save":
                self._checkpoint(runner)

        return note

    def _checkpoint(self, trainer: Any) -> None:
        from ultralytics.nn.tasks import load_checkpoint

        self.stop_at_save.append(trainer.stop)
        self.epoch_in_last.append(load_checkpoint(trainer.last)[1]["epoch"])
        if self.first_checkpoint is None:
            self.first_checkpoint = trainer.save_dir.parent / f"{trainer.save_dir.name}-first.pt"
            shutil.copyfile(trainer.last, self.first_checkpoint)


@dataclass(frozen=True)
class TinyTraining:
    """A finished training on eight 64-pixel images."""

    data: Path
    trainer: Any
    recorder: Recorder

    @property
    def rows(self) -> list[dict[str, str]]:
        """`results.csv`, one dict an epoch."""
        with self.trainer.csv.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))


def build_trainer(kind: type[Any], folder: Path, data: Path, **arguments: Any) -> Any:
    """One of upstream's trainers, set up for a training of seconds."""
    overrides: dict[str, Any] = {
        "mode": "train",
        "data": str(data),
        "epochs": 1,
        "imgsz": 64,
        "batch": 4,
        "device": "cpu",
        "amp": False,
        "plots": False,
        "workers": 0,
        "verbose": False,
        "exist_ok": True,
        "save_dir": str(folder),
    }
    return kind(overrides=overrides | arguments)


def train_tiny(
    kind: type[Any], folder: Path, data: Path, *, threads: int = 1, **arguments: Any
) -> TinyTraining:
    """Train for real and note what the callbacks see.

    `threads` are set both before the trainer is made and at `on_train_start`.
    """
    import torch

    recorder = Recorder(threads_in_epochs=threads)
    torch.set_num_threads(threads)
    trainer = build_trainer(kind, folder, data, **arguments)
    recorder.attach(trainer)
    trainer.train()
    return TinyTraining(data, trainer, recorder)


@pytest.fixture(scope="session")
def ultralytics(cache_dir: Path) -> Any:
    """The package, imported through yolow's door."""
    return upstream.load(cache_dir)


@pytest.fixture(scope="session")
def marker_threads(ultralytics: Any) -> int:
    """A number of threads that upstream would never choose by itself."""
    from ultralytics.utils import NUM_THREADS

    return int(NUM_THREADS) + 1


@pytest.fixture(scope="session")
def trainings(
    ultralytics: Any, marker_threads: int, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], TinyTraining]:
    """The training of a task with yolow's trainer, done once: two epochs of detect, one of the others."""
    from yolow.engine.trainers import TRAINERS

    folder = tmp_path_factory.mktemp("trainings")
    done: dict[str, TinyTraining] = {}

    def training(task: str) -> TinyTraining:
        if task not in done:
            data = make_dataset(folder / f"data-{task}", task=task)
            arguments: dict[str, Any] = {"task": task, "model": ARCHITECTURES[task]}
            if task == "detect":
                arguments |= {"epochs": 2, "threads": marker_threads}
            done[task] = train_tiny(TRAINERS[task], folder / task, data, **arguments)
        return done[task]

    return training


@pytest.fixture(scope="session")
def detect(trainings: Callable[[str], TinyTraining]) -> TinyTraining:
    """Two epochs of a detector that starts at random."""
    return trainings("detect")


Probe = Callable[..., str]


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Probe:
    """Run Python code in a process without yolow's environment and return what it printed."""
    home = tmp_path_factory.mktemp("bare-home")
    foreign = ("YOLO", "ULTRALYTICS", "PYTEST", "GITHUB")
    bare = {key: value for key, value in os.environ.items() if not key.startswith(foreign)} | {
        "HOME": str(home)
    }

    def run(code: str, *arguments: str | Path, cwd: Path, **environment: str) -> str:
        process = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=cwd, env=bare | environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert process.returncode == 0, process.stderr
        return process.stdout

    return run
