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

    def save(self, *, last: Path, best: Path, epoch: int, finished: str | None) -> None:
        """Copy what upstream has just written.

        Args:
            last, best: upstream's files.
            epoch: the finished epoch, from 1.
            finished: `epochs` or `patience` where the training ends here.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        noted = self.note() or {}
        if best.exists() and noted.get("best_mtime_ns") != best.stat().st_mtime_ns:
            _copy_atomically(best, self.best)
        _copy_atomically(last, self.last)
        note = {"epoch": epoch, "finished": finished, "best_mtime_ns": best.stat().st_mtime_ns}
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


def finalize_weights(best: Path, target: Path, *, cache_dir: Path) -> None:
    """Write the deployable weights of a training: half precision, no optimizer state, no paths of this machine.

    Args:
        best: a resumable checkpoint.
        target: the file to write; it loads in plain Ultralytics.
    """
    upstream.load(cache_dir)
    with upstream.border("writing the weights"):
        from ultralytics.nn.tasks import load_checkpoint
        from ultralytics.utils.torch_utils import strip_optimizer

        _, checkpoint = load_checkpoint(best)
        arguments = {
            key: Path(value).name if isinstance(value, str) and os.path.isabs(value) else value  # noqa: PTH117
            for key, value in checkpoint.get("train_args", {}).items()
        }
        git = {**(checkpoint.get("git") or {}), "root": None}
        strip_optimizer(best, s=str(target), updates={"train_args": arguments, "git": git})
