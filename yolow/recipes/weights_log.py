"""`yolow weights log`: what happened to the versions of a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from yolow.errors import UsageError
from yolow.recipes.session import Session
from yolow.recipes.weights import or_problem
from yolow.recipes.weights_remove import command
from yolow.report.pages import paged
from yolow.run_report import RunReport
from yolow.store.aliases import AliasEvent
from yolow.store.notes import Note, read_notes
from yolow.store.reference import is_name, suggested_name
from yolow.store.removal import Tombstone
from yolow.store.rows import VersionRow


def log_weights(name: str, session: Session, *, page: int | None = None) -> RunReport:
    """Versions made, aliases moved, versions removed and notes written, newest first.

    Args:
        name: of the versions.
        session: has the store.
        page: see `paged`.

    Raises:
        WeightsNotFoundError: the name never had a version.
        UsageError: a reference instead of a name, or an unknown page.
        StoreError: the store can't be read.
    """
    store = session.store
    if not is_name(name):
        raise UsageError(
            f"'{name}' is not a name of versions",
            hint=f"yolow weights log {suggested_name(name.partition(':')[0])}",
        )
    problems: list[str] = []
    rows, tombstones = store.rows(name, problems), store.tombstones(name, problems)
    if not rows and not tombstones and not problems:
        store.latest(name)  # says which names there are
    events = [
        *map(_version, rows),
        *(event for tombstone in tombstones for event in _removed(tombstone)),
        *map(_alias_move, or_problem(partial(store.alias_history, name), problems) or ()),
        *_notes(name, or_problem(partial(read_notes, store.root / name), problems) or {}),
    ]
    events.sort(key=lambda event: str(event["when"]), reverse=True)
    shown, details = paged(events, page, command("log", [name], session))
    return RunReport(
        command="weights log", warnings=tuple(problems), details={"name": name, **details, "events": shown}
    )


def _version(row: VersionRow) -> dict[str, Any]:
    return {
        "kind": "version",
        "when": row.created,
        "reference": row.reference,
        "operation": row.operation,
        "parent": row.parent,
        "main_metric": row.main_metric,
        "main_value": row.main_value,
        "baseline_value": row.baseline_value,
        "removed": False,
    }


def _removed(tombstone: Tombstone) -> Iterator[dict[str, Any]]:
    """That the version was made, and that it was removed."""
    record = tombstone.record
    metrics = record.metrics
    reference = f"{record.name}:v{record.number}"
    yield {
        "kind": "version",
        "when": record.created,
        "reference": reference,
        "operation": record.operation,
        "parent": record.parent.reference if record.parent else None,
        "main_metric": metrics.main if metrics else None,
        "main_value": metrics.main_value if metrics else None,
        "baseline_value": getattr(record.baseline, metrics.main) if metrics and record.baseline else None,
        "removed": True,
    }
    yield {"kind": "removal", "when": tombstone.removed, "reference": reference, "reason": tombstone.reason}


def _alias_move(event: AliasEvent) -> dict[str, Any]:
    values = asdict(event)
    return {"kind": "alias", "when": values.pop("changed"), **values}


def _notes(name: str, notes: Mapping[int, Sequence[Note]]) -> Iterator[dict[str, Any]]:
    for number in notes:
        for note in notes[number]:
            yield {"kind": "note", "when": note.written, "reference": f"{name}:v{number}", "text": note.text}
