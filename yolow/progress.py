"""What long work tells about itself. `report/` implements this; recipes and the engine only call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class EpochEvent:
    """One finished epoch of a training run.

    Attributes:
        epoch: the epoch, from 1.
        epochs: how many are planned.
        losses: mean training losses by name (`box_loss`, `cls_loss`, …).
        main_metric: the name of the validation metric that is watched, e.g. `map50_95`.
        value: that metric in [0, 1], or None where this epoch was not validated.
        best: whether it is the best so far.
        seconds: wall time of the epoch, validation included.
        remaining_s: estimate of the time left for all planned epochs.
    """

    epoch: int
    epochs: int
    losses: Mapping[str, float] = field(default_factory=dict)
    main_metric: str = "map50_95"
    value: float | None = None
    best: bool = False
    seconds: float = 0.0
    remaining_s: float | None = None


class Progress(Protocol):
    """A display of long work.

    Implementations must survive pickling: distributed training sends callbacks, and what they hold, to worker
    processes. A worker's copy may be a plainer one that only writes lines.
    """

    def phase(self, name: str, detail: str = "") -> None:
        """A new step of the recipe begins, e.g. `check data`, `train`, `measure`, `publish`."""

    def advance(self, done: int, total: int | None, note: str = "") -> None:
        """Inside a phase: `done` of `total` units (batches, images, bytes) are finished."""

    def epoch(self, event: EpochEvent) -> None:
        """A training epoch ended."""

    def message(self, text: str) -> None:
        """One line that a person should see, e.g. a warning."""

    def close(self) -> None:
        """The work is over; leave the terminal clean."""


class Silent:
    """Progress that says nothing; for tests and for callers that want none."""

    def phase(self, name: str, detail: str = "") -> None:
        pass

    def advance(self, done: int, total: int | None, note: str = "") -> None:
        pass

    def epoch(self, event: EpochEvent) -> None:
        pass

    def message(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass
