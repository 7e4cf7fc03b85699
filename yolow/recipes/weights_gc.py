"""`yolow weights gc`: remove old versions that nothing stands on."""

from __future__ import annotations

from typing import Any

from yolow.recipes.session import Session
from yolow.recipes.weights_remove import command, removal_row, size_bytes, unknown_ancestors
from yolow.run_report import RunReport
from yolow.store.clean_up import plan_removal, remove_unused

_AT_ONCE = 50
_REASON = "gc: not among the newest {}, no alias, nothing made from it"


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
    gone = list(plan.removed)
    session.progress.phase("collect", f"{len(gone)} of {len(plan.kept) + len(gone)} versions")
    if confirmed:
        gone = []
        for start in range(0, len(plan.removed), _AT_ONCE):
            some = plan.removed[start : start + _AT_ONCE]
            done = remove_unused(session.store, some, reason=_REASON.format(keep_newest))
            gone += done.removed
            kept += [{"reference": one, "reason": "; ".join(users)} for one, users in done.kept.items()]
            session.progress.advance(start + len(some), len(plan.removed), some[-1].reference)
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
