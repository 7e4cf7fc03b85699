"""Checkpoints of a training: safe copies while it runs, and the deployable weights at its end."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolow.engine import upstream


@dataclass(frozen=True)
class Checkpoints:
    """Whole copies of the last and the best checkpoint, with a note of how far the training is.

    Upstream writes `last.pt` in place, so a kill can truncate it. These copies are made beside it and renamed:
    first best, then last, then the note; whatever moment a kill hits, `last` is whole and the note is not ahead.
    """

    folder: Path

    @property
    def last(self) -> Path:
        return self.folder / "last.pt"

    @property
    def best(self) -> Path:
        return self.folder / "best.pt"

    def save(self, *, last: Path, best: Path | None, epoch: int, finished: str | None) -> None:
        """Copy what upstream has just written.

        Args:
            last: upstream's file.
            best: upstream's file where this epoch is the best so far, else None.
            epoch: the finished epoch, from 1.
            finished: `epochs` or `patience` where the training ends here.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        best_epoch = (self.note() or {}).get("best_epoch", epoch)
        if best is not None:
            _copy_atomically(best, self.best)
            best_epoch = epoch
        _copy_atomically(last, self.last)
        note = {"epoch": epoch, "finished": finished, "best_epoch": best_epoch}
        write_atomically(self.folder / "state.json", json.dumps(note))

    def note(self) -> dict[str, Any] | None:
        """The last note, or None before the first save."""
        try:
            value: dict[str, Any] = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
            return value
        except (OSError, ValueError):
            return None


def _copy_atomically(source: Path, target: Path) -> None:
    temporary = target.with_suffix(f".tmp{os.getpid()}")
    with source.open("rb") as reader, temporary.open("wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fsync(writer.fileno())
    temporary.replace(target)


def write_atomically(target: Path, text: str) -> None:
    temporary = target.with_suffix(f".tmp{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)


def keep_epochs(results_csv: Path, last: int) -> None:
    """Drop rows after epoch `last`: a kill between a row and its checkpoint leaves one that will come again."""
    if not results_csv.exists():
        return
    rows = results_csv.read_text(encoding="utf-8").splitlines(keepends=True)
    write_atomically(results_csv, "".join(rows[:1] + [row for row in rows[1:] if _epoch_of(row) <= last]))


def _epoch_of(row: str) -> int:
    try:
        return int(row.split(",", 1)[0])
    except ValueError:
        return 1 << 30  # half a row


def finalize_weights(best: Path, target: Path, *, cache_dir: Path) -> None:
    """Write the deployable weights of a training: half precision, no optimizer state, no paths of this machine.

    Args:
        best: a resumable checkpoint.
        target: the file to write; it loads in plain Ultralytics.
    """
    upstream.load(cache_dir)
    with upstream.border("writing the weights"):
        import torch
        from ultralytics.nn.tasks import torch_safe_load
        from ultralytics.utils.torch_utils import strip_optimizer

        checkpoint, _ = torch_safe_load(str(best))
        arguments = {key: _without_folders(value) for key, value in checkpoint["train_args"].items()}
        # Upstream keeps the arguments a second time inside the network, and the state of whatever git checkout it
        # was started in.
        checkpoint["ema"].args = arguments
        checkpoint |= {"train_args": arguments, "git": dict.fromkeys(checkpoint.get("git") or ())}
        torch.save(checkpoint, target)
        strip_optimizer(target)


def _without_folders(value: Any) -> Any:
    """A path as its last part; anything else as it is."""
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
