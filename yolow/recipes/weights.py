"""`yolow weights list` and `yolow weights show`: what the store holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from typing import Any, Literal, TypeVar, get_args

from yolow.errors import IntegrityError, StoreError, UsageError
from yolow.recipes.session import Session
from yolow.recipes.version_of import version_of
from yolow.recipes.weights_remove import command
from yolow.report.pages import paged
from yolow.run_report import Artifact, Baseline, ParentSummary, RunReport
from yolow.store.lineage import LineageStep
from yolow.store.record import VersionRecord
from yolow.store.rows import VersionRow
from yolow.store.store import Store, WeightsVersion

T = TypeVar("T")
Order = Literal["created", "metric", "size", "latency", "name"]

# Best first; what has no value comes last.
_KEYS: dict[str, Callable[[VersionRow], Any]] = {
    "metric": lambda row: (row.main_value is None, -(row.main_value or 0)),
    "size": lambda row: (row.size_bytes is None, row.size_bytes),
    "latency": lambda row: (row.latency_ms is None, row.latency_ms),
    "name": lambda row: (row.name, -row.number),
}


def list_weights(
    session: Session, *, name: str | None = None, sort: str = "created", page: int | None = None
) -> RunReport:
    """All versions, or those of one name, newest first.

    Args:
        session: has the store.
        name: None for all.
        sort: `created` (newest first), `metric` (best first), `size`, `latency` (smallest first) or `name`.
        page: see `paged`.

    Raises:
        WeightsNotFoundError: the name has no version.
        UsageError: an unknown order or page.
        StoreError: the store can't be read.
    """
    if sort not in get_args(Order):
        raise UsageError(
            f"versions can't be sorted by '{sort}'",
            context=[f"orders: {', '.join(get_args(Order))}"],
            hint="yolow weights list --sort metric",
        )
    problems: list[str] = []
    rows = session.store.rows(name, problems)
    if name is not None and not rows and not problems:
        session.store.latest(name)  # says which names there are
    if sort in _KEYS:
        rows.sort(key=_KEYS[sort])
    flags = [*(["--name", name] if name else []), *([] if sort == "created" else ["--sort", sort])]
    shown, details = paged(rows, page, command("list", flags, session))
    aliases = _aliases_by_number(session.store, {row.name for row in shown}, problems)
    versions = [_document(row, aliases.get((row.name, row.number), [])) for row in shown]
    return RunReport(
        command="weights list",
        warnings=tuple(problems),
        details={"listed": _now(), **details, "versions": versions},
    )


def _aliases_by_number(
    store: Store, names: set[str], problems: list[str]
) -> dict[tuple[str, int], list[str]]:
    found: dict[tuple[str, int], list[str]] = {}
    for name in sorted(names):
        aliases = or_problem(partial(store.aliases, name), problems) or {}
        for alias in sorted(aliases):
            found.setdefault((name, aliases[alias]), []).append(alias)
    return found


def or_problem(read: Callable[[], T], problems: list[str]) -> T | None:
    """Something that stands beside the versions, which are worth showing without it too.

    Args:
        read: reads it.
        problems: gets a line where it can't be read; then there is nothing.
    """
    try:
        return read()
    except StoreError as error:
        problems.append(f"{error.message}: {'; '.join(error.context)}")
        return None


def _document(row: VersionRow, aliases: list[str]) -> dict[str, Any]:
    return {
        "reference": row.reference,
        "operation": row.operation,
        "task": row.task,
        "format": row.format,
        "parent": row.parent,
        "main_metric": row.main_metric,
        "main_value": row.main_value,
        "size_bytes": row.size_bytes,
        "latency_ms": row.latency_ms,
        "created": row.created,
        "sha256": row.sha256,
        "aliases": aliases,
    }


def show_weights(reference: str, session: Session) -> RunReport:
    """One version: its record, its files, its aliases and notes, and where it came from.

    Raises:
        WeightsNotFoundError: there is none of this reference.
        StoreError: the store or the record can't be read.
    """
    store, version = session.store, version_of(reference, session)
    record, lineage = version.record, store.lineage(version)
    parent, problems = record.parent, list[str]()
    aliases = or_problem(partial(_aliases_with_dates, store, version), problems)
    notes = or_problem(partial(store.notes, version), problems)
    return RunReport(
        command="weights show",
        version=version.reference,
        path=str(version.weights_path),
        task=record.task,
        parent=ParentSummary(reference=parent.reference, sha256=parent.sha256) if parent else None,
        metrics=record.metrics,
        baseline=_baseline(version, lineage),
        profile=record.profile,
        training=record.training,
        artifacts=tuple(Artifact(kind="file", path=str(version.folder / file.path)) for file in record.files),
        warnings=(*record.warnings, *problems, *_damage(store, version)),
        run=record.run,
        details={
            "listed": _now(),
            "record": record.to_json_value(),
            "lineage": [_lineage_document(step) for step in lineage],
            "aliases": aliases or [],
            "notes": [asdict(note) for note in notes or ()],
            "files": [asdict(file) for file in record.files],
        },
    )


def _damage(store: Store, version: WeightsVersion) -> list[str]:
    """A damaged version is shown all the same; only loading it is refused."""
    try:
        store.check(version)
    except IntegrityError as error:
        return [f"{error.message}; see: yolow weights verify {version.reference}"]
    return []


def _baseline(version: WeightsVersion, lineage: tuple[LineageStep, ...]) -> Baseline | None:
    """The parent's metrics as measured with this version, else those of its own record on the same data."""
    if version.record.parent is None:
        return None
    parent = _record(lineage[1]) if len(lineage) > 1 else None
    metrics, data = version.record.baseline, version.record.data
    if metrics is None and parent is not None and None not in (data, parent.data):
        assert data is not None
        assert parent.data is not None
        metrics = parent.metrics if data.fingerprint == parent.data.fingerprint else None
    return Baseline(
        reference=version.record.parent.reference,
        metrics=metrics,
        profile=parent.profile if parent else None,
    )


def _record(step: LineageStep) -> VersionRecord | None:
    """What is known of a version that is there, or that was removed."""
    if step.version is not None:
        return step.version.record
    return step.tombstone.record if step.tombstone else None


def _lineage_document(step: LineageStep) -> dict[str, Any]:
    tombstone, record = step.tombstone, _record(step)
    metrics = record.metrics if record else None
    return {
        "reference": step.reference,
        "sha256": step.sha256,
        "state": step.state,
        "operation": record.operation if record else None,
        "created": record.created if record else None,
        "main_metric": metrics.main if metrics else None,
        "main_value": metrics.main_value if metrics else None,
        "removed": tombstone.removed if tombstone else None,
        "reason": tombstone.reason if tombstone else step.problem,
    }


def _aliases_with_dates(store: Store, version: WeightsVersion) -> list[dict[str, Any]]:
    """The aliases of a version, each with the move that made it so."""
    found = []
    for alias in store.aliases_of(version):
        moves = store.alias_history(version.name, alias)
        last = moves[-1] if moves and moves[-1].number == version.number else None
        found.append(
            {
                "alias": alias,
                "since": last.changed if last else None,
                "previous": last.previous if last else None,
                "reason": last.reason if last else "",
            }
        )
    return found


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
