"""`yolow weights rollback`: give an alias back to the version that held it before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yolow.errors import UsageError, WeightsNotFoundError
from yolow.recipes.session import Session
from yolow.run_report import RunReport
from yolow.store.aliases import AliasEvent
from yolow.store.reference import LATEST, parse_reference
from yolow.store.store import Store, WeightsVersion


def rollback(alias: str, session: Session, *, name: str | None = None, reason: str = "") -> RunReport:
    """Give an alias back, as a new event of its history.

    Rolling back twice goes two holders back: a return to an earlier holder, by whatever command, takes back all that
    came after it. Holders that were removed are skipped. The files of the version are verified before.

    Args:
        alias: `solar:production`, or `production` beside `name`.
        name: of the versions.
        reason: kept in the history.

    Raises:
        UsageError: it isn't said which alias of which name.
        WeightsNotFoundError: there is no such alias, or none held it before.
        IntegrityError: the version's files are damaged.
        StoreError: the store can't be read or written.
    """
    name, alias = _taken_apart(alias, name)
    store = session.store
    if not store.alias_history(name, alias):
        store.alias(name, alias)  # names what there is instead
    moves: list[tuple[WeightsVersion | None, WeightsVersion]] = []

    def decide(holder: WeightsVersion | None) -> WeightsVersion:
        target = _target(store, name, alias, holder)
        store.check(target)
        moves.append((holder, target))
        return target

    store.change_alias(name, alias, decide, reason=reason or "rollback")
    before, now = moves[-1]
    details: dict[str, Any] = {
        "alias": f"{name}:{alias}",
        "previous": before.reference if before else None,
        "holder": now.reference,
        "changed": True,
        "comparisons": [],
        "reasons": [],
    }
    return RunReport(
        command="weights rollback",
        version=now.reference,
        path=str(now.weights_path),
        task=now.record.task,
        metrics=now.record.metrics,
        profile=now.record.profile,
        details=details,
    )


def earlier_holders(events: Sequence[AliasEvent]) -> list[int]:
    """The numbers to which an alias can be rolled back, the nearest last; its present holder is not among them.

    Args:
        events: the alias's history, oldest first.
    """
    stack: list[int] = []
    for event in events:
        if event.number is None:
            continue  # dropped: whoever held it last is the one to go back to
        if event.number in stack:
            del stack[stack.index(event.number) :]
        stack.append(event.number)
    holds_now = bool(events) and events[-1].number is not None
    return stack[:-1] if holds_now else stack


def _taken_apart(alias: str, name: str | None) -> tuple[str, str]:
    if ":" not in alias and name is None:
        raise UsageError(
            f"'{alias}' does not say whose alias it is", hint=f"yolow weights rollback NAME:{alias}"
        )
    if ":" in alias and name is not None and not alias.startswith(f"{name}:"):
        raise UsageError(f"'{alias}' and --name {name} contradict each other", hint="give one of them")
    ref = parse_reference(alias if ":" in alias else f"{name}:{alias}")
    if ref.kind != "alias" or ref.alias == LATEST or ref.name is None or ref.alias is None:
        raise UsageError(
            f"'{ref.text}' is not an alias that can be moved", hint="yolow weights rollback NAME:ALIAS"
        )
    return ref.name, ref.alias


def _target(store: Store, name: str, alias: str, holder: WeightsVersion | None) -> WeightsVersion:
    numbers = set(store.numbers(name))
    events = store.alias_history(name, alias)
    earlier = earlier_holders(events)
    present = [number for number in earlier if number in numbers]
    if present:
        return store.get(name, present[-1])
    held = holder.reference if holder else "nothing"
    removed = [f"{name}:v{number} was removed" for number in earlier]
    raise WeightsNotFoundError(
        f"{name}:{alias} has nothing to go back to",
        context=[f"it stands for {held}", *(removed or ["no other version has held it"])],
        hint=f"yolow weights promote {name}:latest {alias}"
        if holder is None
        else f"yolow weights log {name}",
    )
