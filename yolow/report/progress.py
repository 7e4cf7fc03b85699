"""Long work on standard error: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import atexit
import os
import sys
import time
from typing import TYPE_CHECKING

from yolow.progress import EpochEvent, Progress, Silent
from yolow.report.console import live_console, print_line, stderr_stream
from yolow.report.formats import duration, loss, ratio, time_left, visible, visible_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

LEAST_PAUSE_S = 2.0
LEAST_PAUSE_UNCOUNTED_S = 10.0
LEAST_PAUSE_IN_EPOCH_S = 30.0
TRAINING_PHASE = "train"  # its epochs have lines of their own; lines within one are for the long ones
REFRESHES_A_SECOND = 4


def make_progress(quiet: bool) -> Progress:
    """The display that fits: none, live on a terminal, or plain lines (pipe, CI, `TERM=dumb`)."""
    if quiet:
        return Silent()
    is_dumb = os.environ.get("TERM", "").lower() in {"", "dumb", "unknown"}
    is_ci = os.environ.get("CI", "").lower() not in {"", "0", "false"}
    is_terminal = sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()
    return RichProgress() if is_terminal and not is_dumb and not is_ci else PlainProgress()


class PlainProgress:
    """One line a phase, one an epoch, and one every ten per cent of what takes long.

    Args:
        over_display: whether another process may show a live line on the same terminal; each line then
            overwrites it.
    """

    def __init__(self, *, over_display: bool = False) -> None:
        self._over_display = over_display
        self._pause_s = LEAST_PAUSE_S
        self._last_line_s = time.monotonic()
        self._phase = ""
        self._done = 0
        self._tenths = 0

    def phase(self, name: str, detail: str = "") -> None:
        self._phase = name
        self._pause_s = LEAST_PAUSE_IN_EPOCH_S if name == TRAINING_PHASE else LEAST_PAUSE_S
        self._done = self._tenths = 0
        self._write(f"{name}: {detail}" if detail else name)

    def advance(self, done: int, total: int | None, note: str = "") -> None:
        if done < self._done:
            self._tenths = 0
        self._done = done
        waited_s = time.monotonic() - self._last_line_s
        if not total:
            if waited_s >= max(self._pause_s, LEAST_PAUSE_UNCOUNTED_S):
                self._write(_joined(f"{self._phase}: {done:,} done", note))
            return
        tenths = done * 10 // total
        if tenths <= self._tenths or waited_s < self._pause_s:
            return
        self._tenths = tenths
        self._write(_joined(f"{self._phase}: {done * 100 // total} % ({done:,} of {total:,})", note))

    def epoch(self, event: EpochEvent) -> None:
        parts = [f"epoch {event.epoch}/{event.epochs}"]
        parts += [f"{name} {loss(value)}" for name, value in event.losses.items()]
        if event.value is not None:
            parts.append(f"{event.main_metric} {ratio(event.value)}" + (" (best)" if event.best else ""))
        parts.append(duration(event.seconds))
        self._write(_joined(*parts, time_left(event.remaining_s)))

    def message(self, text: str) -> None:
        for line in text.splitlines():
            self._write(line)

    def close(self) -> None:
        pass

    def _write(self, line: str) -> None:
        self._last_line_s = time.monotonic()
        stream = stderr_stream()
        start = "\r\x1b[K" if self._over_display and stream.isatty() else ""
        stream.write(f"{start}{visible(line)}\n")
        stream.flush()


class RichProgress:
    """A live display: finished phases and epochs scroll up as lines, bars for what runs stay below them.

    Pickling gives a `PlainProgress`: only one process may animate a terminal.
    """

    def __init__(self) -> None:
        self._console = live_console()
        self._bars: Bars | None = None
        self._closed = False
        self._phase: tuple[str, float] | None = None
        self._phase_bar: TaskID | None = None
        self._done = 0
        self._epoch_bar: TaskID | None = None
        self._epoch_columns: tuple[str, ...] = ()
        # Whatever way the process ends, the cursor comes back.
        atexit.register(self.close)

    def __reduce__(self) -> tuple[object, ...]:
        return _plain_copy, ()

    def phase(self, name: str, detail: str = "") -> None:
        if (bars := self._display()) is None:
            return
        self._end_phase(bars)
        text = f"{name}: {detail}" if detail else name
        self._phase = (visible(text), time.monotonic())
        self._done = 0
        self._phase_bar = bars.add_task(visible(text), total=None, amount="", note="")

    def advance(self, done: int, total: int | None, note: str = "") -> None:
        bars = self._display()
        if bars is None or self._phase_bar is None:
            return
        if done < self._done:
            # A new epoch counts its batches anew; rich never takes back that a bar is full.
            bars.reset(self._phase_bar)
        self._done = done
        amount = f"{done:,}" if total is None else f"{done:,}/{total:,}"
        bars.update(self._phase_bar, completed=done, total=total, amount=amount, note=visible(note))

    def epoch(self, event: EpochEvent) -> None:
        if (bars := self._display()) is None:
            return
        if not self._epoch_columns:
            self._epoch_columns = _epoch_columns(event, self._console.width)
            print_line(self._console, _epoch_header(self._epoch_columns, event.main_metric), "bold")
        style = "green" if event.best else ""
        print_line(self._console, _epoch_row(self._epoch_columns, event), style)
        if self._epoch_bar is None:
            self._epoch_bar = bars.add_task("epochs", total=event.epochs, amount="", note="")
        amount, note = f"{event.epoch:,}/{event.epochs:,}", time_left(event.remaining_s)
        bars.update(self._epoch_bar, completed=event.epoch, total=event.epochs, amount=amount, note=note)

    def message(self, text: str) -> None:
        for line in visible_lines(text):
            print_line(self._console, line)

    def close(self) -> None:
        bars, self._bars, self._closed = self._bars, None, True
        if bars is None:
            return
        try:
            self._end_phase(bars)
        finally:
            bars.stop()
        atexit.unregister(self.close)

    def _display(self) -> Bars | None:
        if self._bars is None and not self._closed:
            self._bars = _bars(self._console)
            self._bars.start()
        return self._bars

    def _end_phase(self, bars: Bars) -> None:
        """Leave a line with the phase's time, and take its bars away."""
        for bar in (self._phase_bar, self._epoch_bar):
            if bar is not None:
                bars.remove_task(bar)
        self._phase_bar = self._epoch_bar = None
        self._epoch_columns = ()
        if self._phase is not None:
            text, started_s = self._phase
            self._phase = None
            print_line(self._console, f"{text}  {duration(time.monotonic() - started_s)}")


def _plain_copy() -> PlainProgress:
    return PlainProgress(over_display=True)


def _bars(console: Console) -> Bars:
    """rich's display; standard output is redirected through it only where it is the same terminal."""
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    is_unicode = console.encoding.startswith("utf")
    text = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    return Bars(
        SpinnerColumn("dots" if is_unicode else "line"),
        TextColumn("{task.description}", markup=False, table_column=text),
        BarColumn(bar_width=min(24, console.width // 4)),
        TextColumn("{task.fields[amount]}", markup=False, justify="right", table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True)),
        console=console,
        expand=True,
        transient=True,
        refresh_per_second=REFRESHES_A_SECOND,
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        redirect_stderr=True,
    )


def _epoch_columns(event: EpochEvent, width: int) -> tuple[str, ...]:
    """The losses to show: each by name, or their sum where the line would be too long."""
    names = tuple(event.losses)
    fits = len(_epoch_header(names, event.main_metric)) <= width
    return names if fits else ("loss",)


def _epoch_header(columns: tuple[str, ...], main_metric: str) -> str:
    cells = [f"{'epoch':>9}", *(f"{name:>{max(8, len(name))}}" for name in columns)]
    return _joined(*cells, f"{main_metric:>8}", "    ", f"{'time':>12}")


def _epoch_row(columns: tuple[str, ...], event: EpochEvent) -> str:
    values = event.losses if columns == tuple(event.losses) else {"loss": sum(event.losses.values())}
    cells = [f"{f'{event.epoch}/{event.epochs}':>9}"]
    cells += [f"{loss(values.get(name)):>{max(8, len(name))}}" for name in columns]
    cells += [f"{ratio(event.value):>{max(8, len(event.main_metric))}}", "best" if event.best else "    "]
    return _joined(*cells, f"{duration(event.seconds):>12}")


def _joined(*parts: str) -> str:
    return "  ".join(part for part in parts if part)
