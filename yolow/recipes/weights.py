"""`yolow weights list` and `yolow weights show`: what the store holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from yolow.errors import WeightsNotFoundError
from yolow.recipes.session import Session
from yolow.run_report import Artifact, ParentSummary, RunReport
from yolow.store.resolve import resolve_weights
from yolow.store.store import Store, WeightsVersion


def list_weights(session: Session, *, name: str | None = None) -> RunReport:
    """All versions, or those of one name, newest first."""
    problems: list[str] = []
    versions = session.store.versions(name, problems=problems)
    if name is not None and not versions and not problems:
        raise WeightsNotFoundError(
            f"there is no version named '{name}'",
            context=[f"store: {session.store.root}"],
            hint="yolow weights list",
        )
    newest_first = sorted(
        versions, key=lambda version: (version.record.created, version.number), reverse=True
    )
    return RunReport(
        command="weights list",
        warnings=tuple(problems),
        details={"versions": [_row(session.store, version) for version in newest_first]},
    )


def _row(store: Store, version: WeightsVersion) -> dict[str, Any]:
    record = version.record
    metrics, profile = record.metrics, record.profile
    return {
        "reference": version.reference,
        "operation": record.operation,
        "task": record.task,
        "parent": record.parent.reference if record.parent else None,
        "main_metric": metrics.main if metrics else None,
        "main_value": metrics.main_value if metrics else None,
        "size_bytes": profile.size_bytes if profile else None,
        "latency_ms": profile.latency_ms if profile else None,
        "created": record.created,
        "aliases": store.aliases_of(version),
    }


def show_weights(reference: str, session: Session) -> RunReport:
    """One version: its record, its files, and where it came from."""
    resolved = resolve_weights(
        reference, store=session.store, offline=True, cache_dir=session.cache_dir, progress=session.progress
    )
    version = resolved.version
    if version is None:
        raise WeightsNotFoundError(
            f"'{reference}' is not a version of the store",
            context=[f"store: {session.store.root}", f"file: {resolved.path}"],
            hint="yolow weights list",
        )
    record = version.record
    parent = record.parent
    return RunReport(
        command="weights show",
        version=version.reference,
        path=str(version.weights_path),
        task=record.task,
        parent=ParentSummary(reference=parent.reference, sha256=parent.sha256) if parent else None,
        metrics=record.metrics,
        profile=record.profile,
        training=record.training,
        artifacts=tuple(Artifact(kind="file", path=str(version.folder / file.path)) for file in record.files),
        warnings=record.warnings,
        run=record.run,
        details={
            "record": record.to_json_value(),
            "lineage": _lineage(session.store, version),
            "files": [asdict(file) for file in record.files],
        },
    )


def _lineage(store: Store, version: WeightsVersion) -> list[str]:
    """References from this version up to its origin. A parent is followed by its digest, which names it for ever."""
    chain, seen = [version.reference], {version.record.sha256}
    while (parent := version.record.parent) is not None:
        chain.append(parent.reference)
        found = store.find_digest(parent.sha256) if parent.sha256 else None
        if found is None or found.record.sha256 in seen:
            break
        seen.add(found.record.sha256)
        version = found
    return chain
