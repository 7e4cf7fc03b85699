from __future__ import annotations

import pickle
import sys
import time
from pathlib import Path

import pytest
from report_environment import plain_environment  # noqa: F401  # an autouse fixture
from terminal_screen import run_on_terminal

from yolow.progress import EpochEvent, Silent
from yolow.report.progress import PlainProgress, RichProgress, make_progress

EPOCH = EpochEvent(
    epoch=3, epochs=15, losses={"box_loss": 1.523, "cls_loss": 2.1}, value=0.2134, best=True, seconds=12.1,
    remaining_s=150.0,
)  # fmt: skip

STORY = """
import sys, time
from yolow.progress import EpochEvent
from yolow.report.progress import make_progress
progress = make_progress(False)
try:
    progress.phase("check data", "[red]solar[/red] 256 images")
    progress.phase("train", "yolo26n.pt")
    for epoch in (1, 2):
        for batch in range(1, 9):
            progress.advance(batch, 8, f"epoch {epoch}/2")
            time.sleep(0.02)
        losses = {"box_loss": 1.5 / epoch, "cls_loss": 2.1, "dfl_loss": 0.0005}
        progress.epoch(EpochEvent(epoch=epoch, epochs=2, losses=losses, value=0.3, best=epoch == 1, seconds=9.0))
        print("a library's noise [bold]", file=sys.stderr)
        print("data", flush=True)
    progress.message("warning: \\x1b[2J3 images have no labels")
    progress.phase("publish")
    # end
finally:
    progress.close()
    progress.close()
"""

SCREEN = [
    "check data: [red]solar[/red] 256 images  T",
    "    epoch  box_loss  cls_loss  dfl_loss  map50_95                time",
    "      1/2      1.50      2.10   5.0e-04     0.300  best         9.0 s",
    "a library's noise [bold]",
    "data",
    "      2/2     0.750      2.10   5.0e-04     0.300               9.0 s",
    "a library's noise [bold]",
    "data",
    r"warning: \x1b[2J3 images have no labels",
    "train: yolo26n.pt  T",
    "publish  T",
]


def without_times(lines: list[str]) -> list[str]:
    phases = ("check data", "train:", "publish")
    return [line[: line.rindex("  ")] + "  T" if line.startswith(phases) else line for line in lines]


def test_terminal_keeps_lines_and_takes_bars_away() -> None:
    done = run_on_terminal(STORY)
    assert (done.exit_code, done.cursor_is_visible) == (0, True)
    assert "\x1b[?25l" in done.raw
    assert "8/8 epoch 1/2" in done.raw
    assert without_times(done.lines) == [*SCREEN, ""]


def test_data_does_not_leave_standard_output(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    with target.open("wb") as file:
        done = run_on_terminal(STORY, stdout=file.fileno())
    assert target.read_text() == "data\ndata\n"
    assert without_times(done.lines) == [*(line for line in SCREEN if line != "data"), ""]


def test_no_color_on_a_terminal() -> None:
    done = run_on_terminal(STORY, NO_COLOR="1")
    assert without_times(done.lines) == [*SCREEN, ""]
    assert not {"\x1b[31", "\x1b[32", "\x1b[38"} & {done.raw[at : at + 4] for at in range(len(done.raw))}


@pytest.mark.parametrize("columns", [30, 80])
def test_interrupt_leaves_the_terminal_clean(columns: int) -> None:
    code = STORY.replace("# end", "time.sleep(15)")
    done = run_on_terminal(code, interrupt_at="publish", columns=columns)
    assert done.exit_code == -2
    assert done.cursor_is_visible
    assert done.lines[-2] == "KeyboardInterrupt"


def test_cursor_comes_back_where_nobody_closes() -> None:
    code = STORY.replace("progress.close()", "pass").replace("# end", "sys.exit(3)")
    done = run_on_terminal(code)
    assert (done.exit_code, done.cursor_is_visible) == (3, True)


@pytest.mark.parametrize("env", [{"CI": "true"}, {"TERM": "dumb"}, {"TERM": ""}])
def test_plain_lines_where_a_display_does_not_fit(env: dict[str, str]) -> None:
    done = run_on_terminal(STORY, columns=120, **env)
    assert "\x1b" not in done.raw
    assert done.lines[:3] == [
        "check data: [red]solar[/red] 256 images",
        "train: yolo26n.pt",
        "epoch 1/2  box_loss 1.50  cls_loss 2.10  dfl_loss 5.0e-04  map50_95 0.300 (best)  9.0 s",
    ]


def test_a_worker_writes_over_the_live_line() -> None:
    code = """
import pickle, subprocess, sys, time
from yolow.report.progress import RichProgress
progress = RichProgress()
progress.phase("train", "2 processes")
time.sleep(0.4)
worker = "import pickle, sys; pickle.loads(bytes.fromhex(sys.argv[1])).message('epoch 1/2  from a worker')"
subprocess.run([sys.executable, "-c", worker, pickle.dumps(progress).hex()], check=True)
time.sleep(0.4)
progress.close()
"""
    done = run_on_terminal(code)
    assert done.lines[0] == "epoch 1/2  from a worker"
    assert done.lines[1].startswith("train: 2 processes  0.")
    assert done.lines[2:] == [""]


def test_many_losses_become_their_sum() -> None:
    code = """
from yolow.progress import EpochEvent
from yolow.report.progress import RichProgress
progress = RichProgress()
names = ("box_loss", "pose_loss", "kobj_loss", "cls_loss", "dfl_loss", "rle_loss")
progress.epoch(EpochEvent(epoch=1, epochs=2, losses=dict.fromkeys(names, 0.5), value=0.1, seconds=1.0))
progress.close()
"""
    assert run_on_terminal(code).lines[:2] == [
        "    epoch      loss  map50_95                time",
        "      1/2      3.00     0.100               1.0 s",
    ]


def test_plain_epoch_line(capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress()
    progress.phase("train")
    progress.epoch(EPOCH)
    progress.message("one\ntwo")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "train\n"
        "epoch 3/15  box_loss 1.52  cls_loss 2.10  map50_95 0.213 (best)  12.1 s  2 min left\n"
        "one\ntwo\n"
    )


class Clock:
    """`time.monotonic` that only moves when told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def advance(progress: PlainProgress, clock: Clock, *, total: int | None, steps: int, step_s: float) -> None:
    for done in range(1, steps + 1):
        clock.now_s += step_s
        progress.advance(done, total, "a.jpg")


def test_plain_fast_phase_has_one_line(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress()
    progress.phase("check data", "256 images")
    advance(progress, clock, total=256, steps=256, step_s=0.007)
    assert capsys.readouterr().err == "check data: 256 images\n"


def test_plain_slow_phase_has_a_line_every_tenth(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress()
    progress.phase("predict")
    advance(progress, clock, total=2000, steps=2000, step_s=0.5)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["predict", "predict: 10 % (200 of 2,000)  a.jpg"]
    assert lines[-1] == "predict: 100 % (2,000 of 2,000)  a.jpg"
    assert len(lines) == 11


def test_plain_lines_keep_two_seconds_apart(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress()
    progress.phase("predict")
    advance(progress, clock, total=100, steps=100, step_s=0.0625)
    percents = [line.split()[1] for line in capsys.readouterr().err.splitlines()[1:]]
    assert percents == ["32", "64", "96"]


def test_plain_unknown_total(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress()
    progress.phase("predict")
    advance(progress, clock, total=None, steps=30, step_s=1.0)
    assert capsys.readouterr().err.splitlines() == [
        "predict", "predict: 10 done  a.jpg", "predict: 20 done  a.jpg", "predict: 30 done  a.jpg",
    ]  # fmt: skip


def test_plain_short_epochs_have_only_their_own_lines(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = PlainProgress()
    progress.phase("train")
    progress.epoch(EPOCH)
    for _ in range(3):
        advance(progress, clock, total=20, steps=20, step_s=0.6)
        progress.epoch(EPOCH)
    assert len(capsys.readouterr().err.splitlines()) == 5


def test_plain_long_epochs_show_their_tenths_each_time(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = PlainProgress()
    progress.phase("train")
    progress.epoch(EPOCH)
    for _ in range(2):
        advance(progress, clock, total=10, steps=10, step_s=60.0)
        progress.epoch(EPOCH)
    assert len(capsys.readouterr().err.splitlines()) == 2 + 2 * 11


def test_choice_without_a_terminal() -> None:
    assert isinstance(make_progress(True), Silent)
    assert isinstance(make_progress(False), PlainProgress)


def test_choice_without_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    progress = make_progress(False)
    progress.phase("train")
    assert isinstance(progress, PlainProgress)


def test_pickled_display_is_plain() -> None:
    progress = RichProgress()
    assert isinstance(pickle.loads(pickle.dumps(progress)), PlainProgress)
    progress.close()


def test_after_closing_nothing_starts_again(capsys: pytest.CaptureFixture[str]) -> None:
    progress = RichProgress()
    progress.close()
    progress.phase("late")
    progress.advance(1, 2)
    progress.epoch(EPOCH)
    assert capsys.readouterr().err == ""
