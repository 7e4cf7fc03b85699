"""Gates: limits that a candidate must meet to become a version."""

from __future__ import annotations

from dataclasses import dataclass

from yolow.metrics import Metrics, Profile


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One limit on one field of the record, such as `map50_95 >= 0.40`.

    Attributes:
        field: a field of `Metrics` or `Profile`, or `size_mb` (`size_bytes` / 10^6).
        comparison: `>=` or `<=`.
        limit: in the field's own unit.
    """

    field: str
    comparison: str
    limit: float

    def __str__(self) -> str:
        return f"{self.field} {self.comparison} {self.limit:g}"


@dataclass(frozen=True, kw_only=True)
class GateCheck:
    """A gate together with what was measured; `measured` is None where the field has no value."""

    gate: Gate
    measured: float | None
    passed: bool


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """All gates of a run. No gates: passed."""

    checks: tuple[GateCheck, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every gate is met."""
        return all(check.passed for check in self.checks)


GATE_FIELDS = (
    "precision", "recall", "map50", "map50_95", "box_map50_95", "top1", "top5",
    "parameters", "gflops", "size_bytes", "size_mb", "latency_ms",
)  # fmt: skip


def evaluate_gates(gates: tuple[Gate, ...], metrics: Metrics | None, profile: Profile | None) -> GateResult:
    """Compare a candidate's metrics and profile with the gates; a field without a value fails its gate."""
    checks = []
    for gate in gates:
        measured = _measured(gate.field, metrics, profile)
        if measured is None:
            passed = False
        else:
            passed = measured >= gate.limit if gate.comparison == ">=" else measured <= gate.limit
        checks.append(GateCheck(gate=gate, measured=measured, passed=passed))
    return GateResult(checks=tuple(checks))


def _measured(field: str, metrics: Metrics | None, profile: Profile | None) -> float | None:
    if field == "size_mb":
        return None if profile is None else profile.size_bytes / 1e6
    for source in (metrics, profile):
        if source is not None and hasattr(source, field):
            value: float | None = getattr(source, field)
            return value
    return None
