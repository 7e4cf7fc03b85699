"""Upstream's `results.csv`: one row of losses and metrics an epoch."""

from __future__ import annotations

import csv
from pathlib import Path

from yolow.engine.checkpoints import write_atomically


def read_results(results_csv: Path) -> list[dict[str, float]]:
    """All rows: one dict an epoch, keys as in the header; empty where there is no table yet."""
    try:
        with results_csv.open(encoding="utf-8", newline="") as stream:
            return [
                {key.strip(): float(value) for key, value in row.items() if key and value}
                for row in csv.DictReader(stream)
            ]
    except (OSError, ValueError):
        return []


def best_epoch(results_csv: Path, column: str) -> int:
    """The epoch, from 1, with the highest value in a column; 0 where there is none."""
    rows = read_results(results_csv)
    return int(max(rows, key=lambda row: row.get(column, 0.0)).get("epoch", 0)) if rows else 0


def best_value(results_csv: Path, column: str) -> float:
    """The highest value in a column; -1 where there is none."""
    return max((row.get(column, 0.0) for row in read_results(results_csv)), default=-1.0)


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
