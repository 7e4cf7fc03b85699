"""Upstream's `results.csv`: one row of losses and metrics an epoch."""

from __future__ import annotations

from pathlib import Path

from yolow.engine.checkpoints import write_atomically


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
