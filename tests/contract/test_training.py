"""The trainer: the order of its callbacks, what it writes and when, threads, memory, and repetition."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_data import make_dataset

from yolow.engine.training import _MAIN_METRIC_COLUMNS

from .conftest import ARCHITECTURES, TinyTraining, build_trainer, train_tiny

pytestmark = pytest.mark.slow


def test_device_selection_takes_all_cores_but_one(ultralytics: Any) -> None:
    """`min(8, cores - 1)` threads whatever was set: why engine/hardware.py `set_threads` comes later."""
    import os

    import torch
    from ultralytics.utils.torch_utils import select_device

    expected = min(8, max(1, (os.cpu_count() or 1) - 1))
    torch.set_num_threads(expected + 1)
    select_device("cpu", verbose=False)
    assert torch.get_num_threads() == expected


def test_train_start_comes_after_device_selection(detect: TinyTraining, marker_threads: int) -> None:
    """Threads set at `on_train_start` hold in the epochs and validations: engine/training.py `_Watch`."""
    threads = detect.recorder.threads
    assert threads["on_train_start"] == [marker_threads - 1]  # upstream has overridden what was set before
    for event in ("on_train_batch_end", "on_val_start", "on_model_save"):
        assert set(threads[event]) == {marker_threads}


def test_callbacks_come_in_this_order(detect: TinyTraining) -> None:
    """Batches, then the checkpoint, then the metrics; two batches an epoch: engine/training.py `_Watch`."""
    epoch = [
        "on_train_epoch_start",
        *["on_train_batch_start", "on_train_batch_end"] * 2,
        "on_val_start",
        "on_model_save",
        "on_fit_epoch_end",
    ]
    assert detect.recorder.events == ["on_train_start", *epoch * 2, "on_train_end"]


def test_the_checkpoint_on_disk_is_the_epochs_own_when_model_save_is_called(detect: TinyTraining) -> None:
    """`last.pt` has been written by then: engine/training.py `model_save` copies it."""
    assert detect.recorder.epoch_in_last == [0, 1]


def test_the_last_save_knows_that_it_is_the_last(detect: TinyTraining) -> None:
    """`trainer.stop` is set before `on_model_save` of the last epoch: engine/training.py `model_save`."""
    assert detect.recorder.stop_at_save == [False, True]


def test_patience_stops_before_the_save_too(
    ultralytics: Any, trainings: Callable[[str], TinyTraining], tmp_path: Path
) -> None:
    """A run that patience ends has `trainer.stop` at its last save, before `epochs`: engine/training.py."""
    from yolow.engine.trainers import TRAINERS

    parent = trainings("classify")
    standstill = {"lr0": 0.0, "optimizer": "SGD", "warmup_epochs": 0.0, "batch": 8}
    training = train_tiny(
        TRAINERS["classify"], tmp_path / "run", parent.data, task="classify", model=str(parent.trainer.best),
        epochs=9, patience=1, **standstill,
    )  # fmt: skip
    assert 1 < len(training.rows) < 9
    assert training.recorder.stop_at_save == [False] * (len(training.rows) - 1) + [True]


def test_patience_does_not_count_while_the_metric_is_zero(ultralytics: Any) -> None:
    """A network that has found nothing yet is given more time, whatever `patience` says: engine/training.py."""
    from ultralytics.utils.torch_utils import EarlyStopping

    stopper = EarlyStopping(patience=1)
    assert [stopper(epoch, fitness) for epoch, fitness in enumerate([0.0, 0.0, 0.0, 0.1, 0.1], start=1)] == [
        False, False, False, False, True,
    ]  # fmt: skip


def test_an_epoch_as_good_as_the_best_becomes_the_best(detect: TinyTraining) -> None:
    """So `best.pt` knows its epoch better than the first highest value in `results.csv`: engine/training.py."""
    from ultralytics.nn.tasks import load_checkpoint

    values = [row[_MAIN_METRIC_COLUMNS["detect"]] for row in detect.rows]
    assert values == ["0", "0"]  # two epochs from random weights find nothing
    assert load_checkpoint(detect.trainer.best)[1]["epoch"] == 1


@pytest.mark.parametrize("task", sorted(ARCHITECTURES))
def test_results_hold_the_main_metric(trainings: Callable[[str], TinyTraining], task: str) -> None:
    """Names of columns in `results.csv` and of `trainer.metrics`: engine/training.py, engine/checkpoints.py."""
    training, column = trainings(task), _MAIN_METRIC_COLUMNS[task]
    with Path(training.trainer.csv).open(encoding="utf-8", newline="") as stream:
        rows = [{key.strip(): float(value) for key, value in row.items()} for row in csv.DictReader(stream)]
    assert [row["epoch"] for row in rows] == [float(epoch + 1) for epoch in range(training.trainer.epochs)]
    assert all(0.0 <= row[column] <= 1.0 for row in rows)
    assert training.trainer.metrics[column] == pytest.approx(rows[-1][column], rel=1e-4)


@pytest.mark.parametrize("task", sorted(ARCHITECTURES))
def test_losses_are_named_tensors(trainings: Callable[[str], TinyTraining], task: str) -> None:
    """`trainer.tloss` maps the name of a loss to one number: engine/training.py `epoch_end`."""
    losses = trainings(task).trainer.tloss
    assert losses
    assert all(isinstance(name, str) and float(loss) >= 0 for name, loss in losses.items())


def test_only_the_final_evaluation_strips_the_checkpoints(
    ultralytics: Any, detect: TinyTraining, tmp_path: Path
) -> None:
    """Without it `last.pt` can be resumed after the end: engine/trainers.py `_NoFinalEvaluation`."""
    from ultralytics.models.yolo.detect import DetectionTrainer
    from ultralytics.nn.tasks import load_checkpoint

    plain = train_tiny(
        DetectionTrainer, tmp_path / "plain", detect.data, task="detect", model=str(detect.trainer.best)
    )
    states = {
        name: load_checkpoint(training.trainer.last)[1]["optimizer"] is not None
        for name, training in {"yolow": detect, "upstream": plain}.items()
    }
    assert states == {"yolow": True, "upstream": False}
    assert plain.recorder.events.count("on_fit_epoch_end") == 2  # one more after the final evaluation


def test_one_seed_and_one_number_of_threads_repeat_a_run(
    detect: TinyTraining, marker_threads: int, tmp_path: Path
) -> None:
    """Equal metrics, all columns but the time: what engine/training.py and the README promise."""
    from yolow.engine.trainers import TRAINERS

    data = make_dataset(tmp_path / detect.data.parent.name, task="detect")
    again = train_tiny(
        TRAINERS["detect"],
        tmp_path / "again",
        data,
        task="detect",
        model=ARCHITECTURES["detect"],
        epochs=2,
        threads=marker_threads,
    )
    assert _without_time(again) == _without_time(detect)


def _without_time(training: TinyTraining) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key != "time"} for row in training.rows]


def test_real_cpu_memory_errors_come_out(ultralytics: Any, detect: TinyTraining, tmp_path: Path) -> None:
    """torch's own message for the CPU is none that upstream answers: engine/upstream.py `border` sees it."""
    trainer = _trainer_that_fails(detect, tmp_path, _allocate_too_much)
    with pytest.raises(RuntimeError, match=r"(?i)can't allocate memory|not enough memory"):
        trainer.train()
    assert trainer.batch_size == 4


def test_out_of_memory_halves_the_batch_without_a_word(
    ultralytics: Any, detect: TinyTraining, tmp_path: Path
) -> None:
    """In the first epoch upstream goes on with less: engine/training.py `batch_start` looks at `batch_size`."""
    sizes: list[int] = []
    trainer = _trainer_that_fails(detect, tmp_path, _raise_out_of_memory)
    trainer.add_callback("on_train_batch_start", lambda runner: sizes.append(runner.batch_size))
    trainer.train()
    assert sizes[:2] == [4, 2]
    assert set(sizes[1:]) == {2}


def _trainer_that_fails(detect: TinyTraining, folder: Path, failure: Callable[[], None]) -> Any:
    """A trainer whose first step in the network fails."""
    from yolow.engine.trainers import TRAINERS

    trainer = build_trainer(
        TRAINERS["detect"], folder / "run", detect.data, task="detect", model=str(detect.trainer.best)
    )

    def arm(runner: Any) -> None:
        def hook(_module: Any, _inputs: Any) -> None:
            handle.remove()
            failure()

        handle = runner.model.register_forward_pre_hook(hook)

    trainer.add_callback("on_train_start", arm)
    return trainer


def _allocate_too_much() -> None:
    import torch

    torch.empty(1 << 50, dtype=torch.uint8)


def _raise_out_of_memory() -> None:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_upstream_deletes_nothing_beside_its_folder(detect: TinyTraining) -> None:
    """All it writes lies below `save_dir`: engine/training.py `upstream_folder`."""
    folder = detect.trainer.save_dir
    beside = {path.name for path in folder.parent.iterdir() if not path.name.startswith("data-")}
    assert beside >= {folder.name, detect.recorder.first_checkpoint.name}
    assert {path.name for path in folder.iterdir()} == {"args.yaml", "results.csv", "weights"}
    assert {path.name for path in (folder / "weights").iterdir()} == {"last.pt", "best.pt"}


def test_the_trainers_cover_their_tasks(ultralytics: Any) -> None:
    """Each of yolow's trainers is upstream's for that task: engine/trainers.py `TRAINERS`."""
    from ultralytics.models.yolo.model import YOLO

    from yolow.engine.trainers import TRAINERS

    upstreams = YOLO("yolo26n.yaml").task_map
    assert {
        task: issubclass(ours, upstreams[task]["trainer"]) for task, ours in TRAINERS.items()
    } == dict.fromkeys(TRAINERS, True)


def test_resuming_from_a_copy_goes_on_at_the_next_epoch(
    ultralytics: Any, detect: TinyTraining, tmp_path: Path
) -> None:
    """Any path, another `save_dir` and moved data: engine/training.py `_run_trainer`, `_prepare_resume`."""
    from yolow.engine.trainers import TRAINERS

    data = make_dataset(tmp_path / "moved", task="detect")
    copy = tmp_path / "checkpoint" / "last.pt"
    copy.parent.mkdir()
    shutil.copyfile(detect.recorder.first_checkpoint, copy)
    folder = tmp_path / "new"
    (folder / "weights").mkdir(parents=True)
    first_row = detect.trainer.csv.read_text(encoding="utf-8").splitlines(keepends=True)[:2]
    (folder / "results.csv").write_text("".join(first_row), encoding="utf-8")
    resumed = train_tiny(
        TRAINERS["detect"], folder, data, task="detect", model=str(copy), resume=str(copy), epochs=2
    )
    trainer = resumed.trainer
    assert (trainer.start_epoch, resumed.recorder.epoch_in_last) == (1, [1])
    assert (trainer.save_dir, trainer.args.data) == (folder, str(data))
    assert [row["epoch"] for row in resumed.rows] == ["1", "2"]
    assert resumed.recorder.events.count("on_train_batch_end") == 2
    assert trainer.args.seed == detect.trainer.args.seed
