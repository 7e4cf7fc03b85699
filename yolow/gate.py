"""Gates: limits that a candidate must meet to become a version."""

from __future__ import annotations

from dataclasses import dataclass

from yolow.errors import ConfigError
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
COST_FIELDS = frozenset({"parameters", "gflops", "size_bytes", "size_mb", "latency_ms"})  # lower is better


def parse_gates(texts: tuple[str, ...]) -> tuple[Gate, ...]:
    """Read limits such as `map50_95 >= 0.40`.

    Raises:
        ConfigError: a field that no record has, a missing comparison, or a limit that is no number; all at once.
    """
    gates, mistakes = [], []
    for text in texts:
        comparison = ">=" if ">=" in text else "<="
        field, found, limit = (part.strip() for part in text.partition(comparison))
        if field not in GATE_FIELDS:
            import difflib  # half of what this module would cost at start-up

            near = difflib.get_close_matches(field, GATE_FIELDS, n=1)
            mistakes.append(
                f"gate '{text}': unknown field '{field}'" + (f" (did you mean '{near[0]}'?)" if near else "")
            )
            continue
        try:
            gates.append(Gate(field=field, comparison=found, limit=float(limit)))
        except ValueError:
            mistakes.append(f"gate '{text}': '{limit}' is not a number")
    if mistakes:
        raise ConfigError("a gate can't be read", context=mistakes, note=f"fields: {', '.join(GATE_FIELDS)}")
    return tuple(gates)


def evaluate_gates(gates: tuple[Gate, ...], metrics: Metrics | None, profile: Profile | None) -> GateResult:
    """Compare a candidate's metrics and profile with the gates; a field without a value fails its gate."""
    checks = []
    for gate in gates:
        measured = measured_value(gate.field, metrics, profile)
        if measured is None:
            passed = False
        else:
            passed = measured >= gate.limit if gate.comparison == ">=" else measured <= gate.limit
        checks.append(GateCheck(gate=gate, measured=measured, passed=passed))
    return GateResult(checks=tuple(checks))


def measured_value(field: str, metrics: Metrics | None, profile: Profile | None) -> float | None:
    """The value of one of `GATE_FIELDS` in its own unit, or None where it has none."""
    if field == "size_mb":
        return None if profile is None else profile.size_bytes / 1e6
    for source in (metrics, profile):
        if source is not None and hasattr(source, field):
            value: float | None = getattr(source, field)
            return value
    return None
