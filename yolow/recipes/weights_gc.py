"""`yolow weights gc`: remove old versions that nothing stands on."""

from __future__ import annotations

from typing import Any

from yolow.errors import ConflictError, WeightsNotFoundError
from yolow.recipes.session import Session
from yolow.recipes.weights_remove import command, removal_row, size_bytes, unknown_ancestors
from yolow.run_report import RunReport
from yolow.store.removal import plan_removal


def collect_garbage(session: Session, *, keep_newest: int, confirmed: bool) -> RunReport:
    """Keep the newest versions of each name, those with an alias, and the ancestors of both; remove the rest.

    A version that somebody starts to use between the plan and its removal is kept.

    Args:
        keep_newest: how many of each name, from 1.
        confirmed: remove; else the plan is all.

    Raises:
        UsageError: fewer than one version of each name would be kept.
        StoreError: the store can't be read or written.
    """
    plan = plan_removal(session.store, keep_newest=keep_newest)
    kept: list[dict[str, Any]] = [
        {"reference": reference, "reason": reason} for reference, reason in plan.kept
    ]
    gone = []
    session.progress.phase("collect", f"{len(plan.removed)} of {len(plan.kept) + len(plan.removed)} versions")
    for index, version in enumerate(plan.removed, start=1):
        if confirmed:
            try:
                reason = f"gc: not among the newest {keep_newest}, no alias, nothing made from it"
                session.store.remove(version, reason=reason)
            except ConflictError as error:
                kept.append({"reference": version.reference, "reason": "; ".join(error.context)})
                continue
            except WeightsNotFoundError:  # somebody else has removed it since the plan
                continue
            session.progress.advance(index, len(plan.removed), version.reference)
        gone.append(version)
    return RunReport(
        command="weights gc",
        warnings=unknown_ancestors(plan.unreadable) if gone else (),
        details={
            "dry_run": not confirmed,
            "removed": [removal_row(version) for version in gone],
            "kept": kept,
            "size_bytes": sum(size_bytes(version) for version in gone),
            "confirm": None
            if confirmed or not gone
            else command("gc", ["--keep", str(keep_newest), "--yes"], session),
        },
    )
