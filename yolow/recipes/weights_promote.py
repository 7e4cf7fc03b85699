"""`yolow weights promote`: give an alias to a version, if it is good enough, and never over somebody else's change."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from yolow.errors import ConfigError, ConflictError
from yolow.gate import GATE_FIELDS, Gate, parse_gates
from yolow.recipes.judgement import Judgement, Terms, judge
from yolow.recipes.session import Session
from yolow.recipes.version_of import version_of
from yolow.run_report import Baseline, RunReport
from yolow.store.reference import valid_alias
from yolow.store.store import WeightsVersion

_NOBODY = "none"
_EXPECTED = re.compile(r"none|v[1-9][0-9]{0,8}")


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What the user asks for, as written.

    Attributes:
        reference: the candidate.
        alias: what it shall be called.
        if_better, max_drop_points, min_speedup: see `Terms`.
        gates: limits such as `map50_95 >= 0.40`.
        expect: `v3` or `none`: who must hold the alias now.
        reason: kept in the alias's history.
    """

    reference: str
    alias: str
    if_better: str | None = None
    max_drop_points: float | None = None
    min_speedup: float | None = None
    gates: tuple[str, ...] = ()
    expect: str | None = None
    reason: str = ""


class _NotGoodEnoughError(Exception):
    """Leaves the store's lock with the alias as it was."""


def promote(wanted: Promotion, session: Session) -> RunReport:
    """Give an alias to a version.

    The candidate's files are verified first. The comparison with the holder happens under the store's lock, so that
    of several promotions at the same time each sees the outcome of the one before. A version that holds the alias
    already keeps it, whatever else is asked: a repeated promotion is no failure.

    Raises:
        ConfigError: the alias, a field, a gate or a number can't be; all at once.
        WeightsNotFoundError, IntegrityError, StoreError: see `resolve_weights`.
        ConflictError: somebody else than `expect` holds the alias.
    """
    terms = _terms(wanted)
    version = version_of(wanted.reference, session)
    session.progress.phase("verify", version.reference)
    session.store.check(version)
    seen: list[tuple[WeightsVersion | None, Judgement]] = []

    def decide(holder: WeightsVersion | None) -> WeightsVersion:
        if holder is not None and holder.number == version.number:
            seen.append((holder, judge(version.record, None, Terms())))
            return holder
        _require_expected(wanted, version.name, holder)
        judgement = judge(version.record, holder.record if holder else None, terms)
        seen.append((holder, judgement))
        if judgement.reasons:
            raise _NotGoodEnoughError
        return version

    try:
        session.store.change_alias(version.name, wanted.alias, decide, reason=wanted.reason)
    except _NotGoodEnoughError:
        return _report(wanted, version, *seen[-1], now=seen[-1][0])
    return _report(wanted, version, *seen[-1], now=version)


def _terms(wanted: Promotion) -> Terms:
    mistakes: list[str] = []
    gates: tuple[Gate, ...] = ()
    try:
        valid_alias(wanted.alias)
    except ConfigError as error:
        mistakes += [error.message, *error.context]
    try:
        gates = parse_gates(wanted.gates)
    except ConfigError as error:
        mistakes += error.context
    if wanted.if_better is not None and wanted.if_better not in GATE_FIELDS:
        mistakes.append(f"--if-better {wanted.if_better}: unknown field, there are {', '.join(GATE_FIELDS)}")
    if wanted.max_drop_points is not None and not 0 <= wanted.max_drop_points <= 100:
        mistakes.append(f"--max-drop {wanted.max_drop_points:g}: points lie between 0 and 100")
    if wanted.min_speedup is not None and not 0 < wanted.min_speedup < float("inf"):
        mistakes.append(f"--min-speedup {wanted.min_speedup:g}: a factor above 0, such as 1.5")
    if wanted.expect is not None and _EXPECTED.fullmatch(wanted.expect) is None:
        mistakes.append(f"--expect {wanted.expect}: a number such as v3, or {_NOBODY}")
    if mistakes:
        raise ConfigError(
            "the promotion can't be read", context=mistakes, hint="yolow weights promote --help"
        )
    return Terms(
        if_better=wanted.if_better,
        max_drop_points=wanted.max_drop_points,
        min_speedup=wanted.min_speedup,
        gates=gates,
    )


def _require_expected(wanted: Promotion, name: str, holder: WeightsVersion | None) -> None:
    found = f"v{holder.number}" if holder is not None else _NOBODY
    if wanted.expect is not None and found != wanted.expect:
        raise ConflictError(
            f"{name}:{wanted.alias} is held by another version than expected",
            context=[f"expected: {wanted.expect}", f"found: {found}"],
            note="somebody else has changed the alias since you looked; nothing was changed now",
            hint=f"yolow weights log {name}",
        )


def _report(
    wanted: Promotion,
    version: WeightsVersion,
    before: WeightsVersion | None,
    judgement: Judgement,
    *,
    now: WeightsVersion | None,
) -> RunReport:
    record = version.record
    is_rejected = bool(judgement.reasons)
    compared = before is not None and bool(judgement.comparisons)
    details: dict[str, Any] = {
        "alias": f"{version.name}:{wanted.alias}",
        "previous": before.reference if before else None,
        "holder": now.reference if now else None,
        "changed": not is_rejected and (before is None or before.number != version.number),
        "comparisons": [asdict(one) for one in judgement.comparisons],
        "reasons": list(judgement.reasons),
    }
    return RunReport(
        command="weights promote",
        status="rejected" if is_rejected else "done",
        exit_code=1 if is_rejected else 0,
        version=version.reference,
        path=str(version.weights_path),
        task=record.task,
        metrics=record.metrics,
        baseline=Baseline(
            reference=before.reference, metrics=before.record.metrics, profile=before.record.profile
        )
        if compared and before is not None
        else None,
        profile=record.profile,
        gate=judgement.gate,
        warnings=judgement.warnings,
        details=details,
    )
