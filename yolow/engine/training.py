"""Train a network with Ultralytics: threads, progress, and checkpoints that survive a kill at any moment."""

from __future__ import annotations

import importlib.util
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from yolow.engine import upstream
from yolow.engine.checkpoints import Checkpoints, keep_epochs
from yolow.engine.hardware import keep_freed_memory, set_threads
from yolow.errors import EngineError, ResourceError, RunError
from yolow.progress import EpochEvent, Progress

_MAIN_METRIC_COLUMNS = {
    "detect": "metrics/mAP50-95(B)",
    "obb": "metrics/mAP50-95(B)",
    "segment": "metrics/mAP50-95(M)",
    "pose": "metrics/mAP50-95(P)",
    "classify": "metrics/accuracy_top1",
}


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """Everything that one training needs.

    Attributes:
        start: a checkpoint to start from, or an architecture (`yolo26n.yaml`) to initialise at random.
        task: `detect`, `segment`, `classify`, `pose` or `obb`.
        data: the private view's data YAML or class folder.
        folder: the run's folder; upstream writes below `folder/train`, safe copies lie in `folder/checkpoint`.
        arguments: Ultralytics training arguments, `epochs`, `batch`, `device` and so on included.
        threads: CPU threads for torch.
        cache_dir: yolow's cache.
    """

    start: str
    task: str
    data: Path
    folder: Path
    arguments: dict[str, Any]
    threads: int
    cache_dir: Path

    @property
    def upstream_folder(self) -> Path:
        """Where upstream writes; distributed training deletes it first, so nothing of ours may lie there."""
        return self.folder / "train"

    @property
    def checkpoints(self) -> Checkpoints:
        """The safe copies of this job."""
        return Checkpoints(self.folder / "checkpoint")


@dataclass(frozen=True, kw_only=True)
class TrainingOutcome:
    """How a training ended.

    Attributes:
        best: checkpoint of the epoch with the best validation metric, with optimizer state.
        epochs_planned, epochs_run, best_epoch: counted from 1.
        stop_reason: `epochs` (ran all) or `patience` (the metric stopped improving).
        seconds: wall time that this process spent on it.
    """

    best: Path
    epochs_planned: int
    epochs_run: int
    best_epoch: int
    stop_reason: Literal["epochs", "patience"]
    seconds: float


@dataclass
class _Watch:
    """Callbacks of one training. Picklable: distributed workers get a copy and rank 0 speaks."""

    checkpoints: Checkpoints
    progress: Progress
    threads: int
    batch: int
    metric_column: str
    started: float = 0.0
    epoch_started: float = 0.0
    first_epoch: int = 0
    batches_done: int = field(default=0)

    def callbacks(self) -> dict[str, list[Any]]:
        return {
            "on_train_start": [self.train_start],
            "on_train_epoch_start": [self.epoch_start],
            "on_train_batch_start": [self.batch_start],
            "on_train_batch_end": [self.batch_end],
            "on_val_start": [self.val_start],
            "on_model_save": [self.model_save],
            "on_fit_epoch_end": [self.epoch_end],
        }

    def train_start(self, trainer: Any) -> None:
        # Must come after upstream's device selection, which takes all cores but one.
        set_threads(self.threads)
        if trainer.device.type == "cpu":
            keep_freed_memory()
        self.started = time.monotonic()
        self.first_epoch = trainer.start_epoch

    def val_start(self, _validator: Any) -> None:
        set_threads(self.threads)

    def epoch_start(self, trainer: Any) -> None:
        self.epoch_started = time.monotonic()
        self.batches_done = 0

    def batch_start(self, trainer: Any) -> None:
        # Upstream answers an out-of-memory error by halving the batch without a word; the result would not be
        # what the run config says.
        if self.batch > 0 and trainer.batch_size < self.batch:
            raise ResourceError(
                "out of memory while training",
                context=[f"batch: {self.batch}", f"device: {trainer.device}"],
                hint=f"use --batch {max(1, trainer.batch_size)}, or a smaller --imgsz",
            )

    def batch_end(self, trainer: Any) -> None:
        self.batches_done += 1
        note = f"epoch {trainer.epoch + 1}/{trainer.epochs}"
        self.progress.advance(self.batches_done, len(trainer.train_loader), note)

    def model_save(self, trainer: Any) -> None:
        finished = None
        if trainer.stop:
            finished = "epochs" if trainer.epoch + 1 >= trainer.epochs else "patience"
        self.checkpoints.save(
            last=trainer.last,
            best=trainer.best if _is_best(trainer) else None,
            epoch=trainer.epoch + 1,
            finished=finished,
        )

    def epoch_end(self, trainer: Any) -> None:
        value = trainer.metrics.get(self.metric_column)
        now = time.monotonic()
        done = trainer.epoch + 1 - self.first_epoch
        left = trainer.epochs - trainer.epoch - 1
        self.progress.epoch(
            EpochEvent(
                epoch=trainer.epoch + 1,
                epochs=trainer.epochs,
                losses={key: float(loss) for key, loss in (trainer.tloss or {}).items()},
                main_metric=metric_name(self.metric_column),
                value=None if value is None else float(value),
                best=_is_best(trainer),
                seconds=now - self.epoch_started,
                remaining_s=(now - self.started) / max(done, 1) * left,
            )
        )


def _is_best(trainer: Any) -> bool:
    """Whether upstream takes this epoch for the best so far; one that is as good as the best counts."""
    return bool(trainer.best_fitness == trainer.fitness)


def metric_name(column: str) -> str:
    """yolow's name of one of upstream's metric columns."""
    return "top1" if column.endswith("top1") else "map50_95"


def train(job: TrainingJob, *, progress: Progress) -> TrainingOutcome:
    """Train until the epochs are done or the validation metric stops improving.

    Where the job's folder holds a safe checkpoint already, the training goes on from there; where it had ended,
    it is only summed up.

    Args:
        job: what to train.
        progress: told of batches and epochs.

    Raises:
        ResourceError: memory or disk ran out; the hint names a batch to try.
        EngineError: anything else that failed inside Ultralytics.
    """
    started = time.monotonic()
    note = job.checkpoints.note()
    if note is None or note["finished"] is None:
        _run_trainer(job, progress, note)
        note = job.checkpoints.note()
    if note is None:
        raise EngineError("training ended without a checkpoint", context=[str(job.folder)])
    return TrainingOutcome(
        best=job.checkpoints.best,
        epochs_planned=int(job.arguments["epochs"]),
        epochs_run=note["epoch"],
        best_epoch=note["best_epoch"],
        stop_reason="patience" if note["finished"] == "patience" else "epochs",
        seconds=time.monotonic() - started,
    )


def _run_trainer(job: TrainingJob, progress: Progress, note: dict[str, Any] | None) -> None:
    upstream.load(job.cache_dir)
    if "," in str(job.arguments["device"]) and importlib.util.find_spec("cloudpickle") is None:
        raise EngineError(
            "training on several GPUs needs the package cloudpickle", hint="pip install 'yolow[ddp]'"
        )
    device, batch = str(job.arguments["device"]), int(job.arguments["batch"])
    watch = _Watch(
        checkpoints=job.checkpoints,
        progress=progress,
        threads=job.threads,
        batch=batch,
        metric_column=_MAIN_METRIC_COLUMNS[job.task],
    )
    overrides = {
        "amp": _mixed_precision(device),
        **job.arguments,
        "task": job.task,
        "mode": "train",
        "model": job.start,
        "data": str(job.data),
        "save_dir": str(job.upstream_folder),
        "exist_ok": True,
        "verbose": False,
    }
    if note is not None:
        _prepare_resume(job, note)
        overrides |= {"model": str(job.checkpoints.last), "resume": str(job.checkpoints.last)}
    hint = f"use --batch {max(1, batch // 2)}, or a smaller --imgsz"
    with upstream.border("training", hint_out_of_memory=hint):
        from ultralytics.utils.callbacks import get_default_callbacks

        from yolow.engine.trainers import TRAINERS

        callbacks = get_default_callbacks()
        for event, functions in watch.callbacks().items():
            callbacks[event].extend(functions)
        trainer = TRAINERS[job.task](overrides=overrides, _callbacks=callbacks)
        trainer.train()


def _mixed_precision(device: str) -> str | bool:
    """The training precision: bfloat16 on GPUs that have it, else float32.

    Upstream's own float16 mode first downloads a network to test the GPU with.
    """
    import torch

    return "bf16" if device[0].isdigit() and torch.cuda.is_bf16_supported() else False


def _prepare_resume(job: TrainingJob, note: dict[str, Any]) -> None:
    """Bring upstream's folder back to the state of the safe copy."""
    if not job.checkpoints.last.exists():
        raise RunError("the run has no checkpoint to resume from", context=[str(job.checkpoints.folder)])
    weights = job.upstream_folder / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    if job.checkpoints.best.exists():
        shutil.copyfile(job.checkpoints.best, weights / "best.pt")
    keep_epochs(job.upstream_folder / "results.csv", int(note["epoch"]))
