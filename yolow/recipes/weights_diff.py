"""`yolow weights diff`: what changed from one set of weights to another, in the records and in every tensor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

from yolow.checkpoint.compare import STATES, Comparison, LayerChange, compare
from yolow.checkpoint.contents import Contents
from yolow.checkpoint.open import open_contents
from yolow.data.manifest import MANIFEST_FILE, compare_manifests
from yolow.metrics import Metrics
from yolow.recipes.record_differences import (
    class_differences,
    class_points,
    fact_differences,
    metric_points,
    record_differences,
)
from yolow.recipes.session import Session
from yolow.run_report import Baseline, ParentSummary, RunReport
from yolow.store.record import VersionRecord
from yolow.store.resolve import ResolvedWeights, resolve_weights
from yolow.store.store import Store


@dataclass(frozen=True, kw_only=True)
class DiffView:
    """How the layers are shown.

    Attributes:
        sort: by the network's order, or the greatest relative change first.
        top: most rows of a list; None leaves that to the screen. `--json` always has all.
        equal: show what is equal too.
    """

    sort: Literal["layer", "change"] = "change"
    top: int | None = None
    equal: bool = False


@dataclass(frozen=True, kw_only=True)
class _Side:
    resolved: ResolvedWeights
    contents: Contents

    @property
    def record(self) -> VersionRecord | None:
        return self.resolved.version.record if self.resolved.version else None

    @property
    def names(self) -> dict[int, str]:
        if self.record is not None:
            return self.record.classes
        return {int(index): str(name) for index, name in self.contents.facts.get("names", {}).items()}

    def to_json_value(self) -> dict[str, Any]:
        return {
            "reference": self.resolved.reference,
            "path": str(self.resolved.path),
            "sha256": self.resolved.sha256,
            "format": self.contents.format,
            "size_bytes": self.contents.size_bytes,
            "is_version": self.record is not None,
        }


def diff_weights(reference_a: str, reference_b: str, session: Session, *, view: DiffView) -> RunReport:
    """Compare two versions, two files, or a version with a file; nothing in them is executed.

    Raises:
        WeightsNotFoundError, IntegrityError, UsageError, StoreError: see `resolve_weights`.
        WeightsError, WeightsRefusedError, MissingExtraError: see `open_contents` and `compare`.
    """
    a, b = _side(reference_a, session), _side(reference_b, session)
    comparison = compare(a.contents, b.contents)
    relation = _relation(a, b, session.store)
    metrics = b.record.metrics if b.record else None
    before = _metrics_before(a, b, relation)
    return RunReport(
        command="weights diff",
        version=b.resolved.version.reference if b.resolved.version else None,
        path=str(b.resolved.path),
        task=b.record.task if b.record else b.contents.facts.get("task"),
        parent=_parent(b),
        metrics=metrics,
        baseline=Baseline(
            reference=a.resolved.reference, metrics=before, profile=a.record.profile if a.record else None
        ),
        profile=b.record.profile if b.record else None,
        warnings=(*a.resolved.notes, *b.resolved.notes, *_warnings(a, b, before, metrics)),
        details={
            "a": a.to_json_value(),
            "b": b.to_json_value(),
            "relation": relation,
            "differences": _told_differences(a, b),
            "data": _data(a, b),
            "classes": class_differences(a.names, b.names),
            "points": metric_points(before, metrics),
            "class_points": class_points(before, metrics),
            **_tensor_details(comparison, view),
            "view": asdict(view),
        },
    )


def _side(reference: str, session: Session) -> _Side:
    resolved = resolve_weights(
        reference, store=session.store, offline=True, cache_dir=session.cache_dir, progress=session.progress
    )
    return _Side(resolved=resolved, contents=open_contents(resolved.path))


def _told_differences(a: _Side, b: _Side) -> list[dict[str, Any]]:
    """What the records say where both sides have one; else what the files say of themselves."""
    if a.record is not None and b.record is not None:
        return record_differences(a.record, b.record)
    return fact_differences(a.contents.facts, b.contents.facts)


def _tensor_details(comparison: Comparison, view: DiffView) -> dict[str, Any]:
    states = [tensor.state for tensor in comparison.tensors]
    layers = list(comparison.layers)
    if view.sort == "change":
        layers.sort(key=_magnitude, reverse=True)
    return {
        "counts": {state: states.count(state) for state in STATES},
        "fused": list(comparison.fused),
        "recognised": comparison.recognised,
        "bit_equal": _ranges(comparison.layers, "equal"),
        "rounded": _ranges(comparison.layers, "rounded"),
        "layers": [asdict(layer) for layer in layers],
        "modules": [asdict(module) for module in comparison.modules],
        "tensors": [asdict(tensor) for tensor in comparison.tensors],
    }


def _magnitude(layer: LayerChange) -> tuple[bool, float]:
    """Sorts by relative change; layers that can't be measured change most, those that don't differ least."""
    if layer.state == "equal":
        return False, -1.0
    return layer.relative_l2 is None, layer.relative_l2 or 0.0


def _ranges(layers: tuple[LayerChange, ...], state: str) -> list[dict[str, Any]]:
    """Runs of neighbouring layers in a state; layers without tensors interrupt none."""
    ranges = []
    for is_in_state, group in groupby(layers, key=lambda layer: layer.state == state):
        run = list(group)
        if is_in_state:
            ranges.append({"first": run[0].path, "last": run[-1].path, "layers": len(run)})
    return ranges


def _relation(a: _Side, b: _Side, store: Store) -> dict[str, Any]:
    """How the two descend from each other.

    `kind` is `same` (one digest), `ancestor` (a of b), `descendant` (a of b), `related` (a common ancestor) or
    `unknown`; `steps` between them for the second and third, `common` is the reference for the fourth.
    """
    if a.resolved.sha256 == b.resolved.sha256:
        return {"kind": "same", "steps": 0, "common": None}
    ours, theirs = _ancestry(a, store), _ancestry(b, store)
    for kind, ancestor, chain in (("ancestor", a, theirs), ("descendant", b, ours)):
        digests = [sha256 for sha256, _ in chain]
        if ancestor.resolved.sha256 in digests:
            return {"kind": kind, "steps": digests.index(ancestor.resolved.sha256), "common": None}
    common = next((reference for sha256, reference in ours if (sha256, reference) in theirs), None)
    return {"kind": "related" if common else "unknown", "steps": None, "common": common}


def _ancestry(side: _Side, store: Store) -> list[tuple[str | None, str]]:
    """Digest and reference of the weights themselves and of all that they came from."""
    if side.resolved.version is None:
        return [(side.resolved.sha256, side.resolved.reference)]
    return [(step.sha256, step.reference) for step in store.lineage(side.resolved.version)]


def _metrics_before(a: _Side, b: _Side, relation: dict[str, Any]) -> Metrics | None:
    """The metrics of the first side: of a parent those that its child was measured against, on the child's data."""
    is_parent = relation["kind"] == "ancestor" and relation["steps"] == 1
    if is_parent and b.record is not None and b.record.baseline is not None:
        return b.record.baseline
    return a.record.metrics if a.record else None


def _warnings(a: _Side, b: _Side, before: Metrics | None, metrics: Metrics | None) -> list[str]:
    one, other = a.record, b.record
    if one is None or other is None:
        return []
    warnings = []
    same_data = one.data and other.data and one.data.fingerprint == other.data.fingerprint
    own_metrics = before is not None and before is one.metrics and metrics is not None
    if own_metrics and not same_data:
        warnings.append("the metrics were measured on different data, so their points say little")
    if one.profile and other.profile and one.profile.latency_ms and other.profile.latency_ms:
        conditions = ("imgsz", "batch", "threads", "device")
        if any(getattr(one.profile, name) != getattr(other.profile, name) for name in conditions):
            warnings.append("the latencies were measured under different conditions")
    return warnings


def _data(a: _Side, b: _Side) -> dict[str, Any] | None:
    """Whether both were trained on the same content, and how many images differ where both versions list theirs.

    None where a side has no record of its data.
    """
    ours, theirs = (side.record.data if side.record else None for side in (a, b))
    if ours is None or theirs is None:
        return None
    listed = [_manifest(side) for side in (a, b)]
    images = None
    if listed[0] is not None and listed[1] is not None:
        images = asdict(compare_manifests(listed[0], listed[1]))
    return {
        "same": ours.fingerprint == theirs.fingerprint,
        "images": images,
        "a": asdict(ours),
        "b": asdict(theirs),
    }


def _manifest(side: _Side) -> str | None:
    version = side.resolved.version
    path = version.folder / MANIFEST_FILE if version else None
    return path.read_text(encoding="ascii", errors="replace") if path is not None and path.is_file() else None


def _parent(side: _Side) -> ParentSummary | None:
    parent = side.record.parent if side.record else None
    return ParentSummary(reference=parent.reference, sha256=parent.sha256) if parent else None
