"""Whether a candidate may take an alias over from the version that holds it, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from yolow.gate import COST_FIELDS, Gate, GateResult, evaluate_gates, measured_value
from yolow.report.formats import exact
from yolow.store.record import VersionRecord

# Measured values come from files as decimal text; a limit that is met exactly must not fail on the last binary digit.
_TOLERANCE = 1e-9
_LATENCY_CONDITIONS = ("imgsz", "batch", "threads", "device")
_MACHINE = ("cpu", "gpu")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a candidate must meet.

    Attributes:
        if_better: a field of `GATE_FIELDS` in which it must be better than the holder.
        max_drop_points: by how many points (0 to 100) its main metric may lie below the holder's.
        min_speedup: how many times shorter its latency must be than the holder's.
        gates: absolute limits.
    """

    if_better: str | None = None
    max_drop_points: float | None = None
    min_speedup: float | None = None
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One demand on a field, relative to the holder; a value is None where the record has none.

    Attributes:
        field: of `GATE_FIELDS`.
        demand: in words: `higher than the holder's`.
        holder, candidate: the values in the field's own unit.
        passed: whether the demand is met; not where a value is missing.
    """

    field: str
    demand: str
    holder: float | None
    candidate: float | None
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The outcome: every demand with its values, and one sentence for each that is not met.

    Attributes:
        comparisons: demands relative to the holder; none where there is no holder.
        gate: the absolute limits.
        reasons: why not; empty: promoted.
        warnings: what makes the comparison doubtful.
    """

    comparisons: tuple[Comparison, ...] = ()
    gate: GateResult
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def judge(candidate: VersionRecord, holder: VersionRecord | None, terms: Terms) -> Judgement:
    """Compare a candidate with the holder of an alias; without a holder only the gates count.

    A field in which both are equal is not better. Weights of different tasks are never better than each other.
    """
    gate = evaluate_gates(terms.gates, candidate.metrics, candidate.profile)
    this = f"{candidate.name}:v{candidate.number}"
    reasons = [
        f"{check.gate.field} must be {check.gate.comparison} {check.gate.limit:g}: {this} "
        + ("has no value" if check.measured is None else f"has {exact(check.measured)}")
        for check in gate.checks
        if not check.passed
    ]
    if holder is None:
        return Judgement(gate=gate, reasons=tuple(reasons))
    that = f"{holder.name}:v{holder.number}"
    comparisons = tuple(_comparisons(candidate, holder, terms))
    if comparisons and candidate.task != holder.task:
        reasons.append(f"{this} is of task {candidate.task}, {that} of {holder.task}: they can't be compared")
    reasons += [_reason(one, this, that) for one in comparisons if not one.passed]
    return Judgement(
        comparisons=comparisons,
        gate=gate,
        reasons=tuple(reasons),
        warnings=tuple(_doubts({one.field for one in comparisons}, candidate, holder)),
    )


def _comparisons(candidate: VersionRecord, holder: VersionRecord, terms: Terms) -> Iterator[Comparison]:
    if terms.if_better is not None:
        lower = terms.if_better in COST_FIELDS
        this, that = _value(terms.if_better, candidate), _value(terms.if_better, holder)
        yield Comparison(
            field=terms.if_better,
            demand=f"{'lower' if lower else 'higher'} than the holder's",
            holder=that,
            candidate=this,
            passed=this is not None and that is not None and (this < that if lower else this > that),
        )
    if terms.max_drop_points is not None:
        main = holder.metrics.main if holder.metrics is not None else "map50_95"
        this, that = _value(main, candidate), _value(main, holder)
        limit = None if that is None else that - terms.max_drop_points / 100
        yield Comparison(
            field=main,
            demand=f"at most {_points(terms.max_drop_points)} below the holder's",
            holder=that,
            candidate=this,
            passed=this is not None and limit is not None and this >= limit - _TOLERANCE,
        )
    if terms.min_speedup is not None:
        this, that = _value("latency_ms", candidate), _value("latency_ms", holder)
        yield Comparison(
            field="latency_ms",
            demand=f"{terms.min_speedup:g} times shorter than the holder's",
            holder=that,
            candidate=this,
            passed=this is not None and that is not None and this * terms.min_speedup <= that + _TOLERANCE,
        )


def _points(number: float) -> str:
    return f"{number:g} point{'' if number == 1 else 's'}"


def _value(field: str, record: VersionRecord) -> float | None:
    return measured_value(field, record.metrics, record.profile)


def _reason(comparison: Comparison, this: str, that: str) -> str:
    missing = [
        name for name, value in ((this, comparison.candidate), (that, comparison.holder)) if value is None
    ]
    if missing:
        return f"{comparison.field} was not measured for {' and '.join(missing)}"
    assert comparison.candidate is not None
    assert comparison.holder is not None
    values = f"{this} has {exact(comparison.candidate)}, {that} has {exact(comparison.holder)}"
    return f"{comparison.field} must be {comparison.demand}: {values}"


def _doubts(fields: set[str], candidate: VersionRecord, holder: VersionRecord) -> Iterator[str]:
    this, that = f"{candidate.name}:v{candidate.number}", f"{holder.name}:v{holder.number}"
    if fields - COST_FIELDS and candidate.metrics is not None and holder.metrics is not None:
        prints = [None if one.data is None else one.data.fingerprint for one in (candidate, holder)]
        images = [
            f"{one.metrics.images} of {one.metrics.split}" for one in (candidate, holder) if one.metrics
        ]
        if None in prints:
            yield f"it is not known whether {this} and {that} were measured on the same data"
        elif prints[0] != prints[1]:
            yield (
                f"{this} and {that} were measured on different data: fingerprints "
                f"{str(prints[0])[:12]} and {str(prints[1])[:12]}"
            )
        elif images[0] != images[1]:
            yield f"{this} and {that} were measured on different images: {images[0]} and {images[1]}"
    if "latency_ms" in fields and candidate.profile is not None and holder.profile is not None:
        mine, theirs = ({**_conditions(one)} for one in (candidate, holder))
        different = [f"{key} {mine[key]} and {theirs[key]}" for key in mine if mine[key] != theirs[key]]
        if different:
            yield f"the latencies of {this} and {that} hold under different conditions: {', '.join(different)}"


def _conditions(record: VersionRecord) -> dict[str, object]:
    """What a latency depends on beside the weights and their runtime."""
    profile = {key: getattr(record.profile, key) for key in _LATENCY_CONDITIONS}
    return profile | {key: record.environment.get(key) for key in _MACHINE}
