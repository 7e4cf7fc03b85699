"""`yolow val`: measure weights on a split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from yolow.config.schema import ValConfig
from yolow.data.check import DataCheck, check_dataset, raise_for_errors
from yolow.data.dataset import find_dataset, load_dataset
from yolow.data.view import make_view
from yolow.errors import ConfigError, DataError, WeightsError
from yolow.gate import evaluate_gates, parse_gates
from yolow.metrics import Metrics, Profile
from yolow.recipes.output_names import make_output_folder
from yolow.recipes.session import Session
from yolow.recipes.weights_of import UsableWeights, usable_weights
from yolow.run_report import Artifact, ParentSummary, RunReport


def val(config: ValConfig, session: Session, *, dry_run: bool = False) -> RunReport:
    """Measure weights on a split of a data set, and judge them by the gates.

    Raises:
        YolowError: anything wrong with the config, the weights or the data.
    """
    gates = parse_gates(config.gate)
    weights = usable_weights(config.weights, session)
    data = config.data or _own_data(weights, config.weights)
    session.progress.phase("check data", data)
    dataset = load_dataset(find_dataset(data), splits=(config.split,))
    check = check_dataset(dataset, task=weights.task, cache_dir=session.cache_dir, progress=session.progress)
    raise_for_errors(check)
    _require_same_classes(weights, check, data)
    version = weights.resolved.version
    facts = RunReport(
        command="val",
        version=version.reference if version else None,
        path=str(weights.resolved.path),
        task=weights.task,
        parent=_parent(weights),
        warnings=(*weights.resolved.notes, *check.warnings),
        details={"weights": weights.resolved.reference, "data": data},
    )
    if dry_run:
        return replace(facts, details={**facts.details, "plan": {"split": config.split}})

    plots = Path(config.out).absolute() if config.plots else None
    if plots is not None:
        make_output_folder(plots)
    metrics, costs = _measure(config, session, weights, check, plots)
    gate = evaluate_gates(gates, metrics, costs)
    pictures = sorted(plots.glob("*.png")) if plots else []
    return replace(
        facts,
        status="done" if gate.passed else "rejected",
        exit_code=0 if gate.passed else 1,
        metrics=metrics,
        profile=costs,
        gate=gate,
        artifacts=tuple(Artifact(kind="plot", path=str(picture)) for picture in pictures),
    )


def _measure(
    config: ValConfig, session: Session, weights: UsableWeights, check: DataCheck, plots: Path | None
) -> tuple[Metrics, Profile]:
    from yolow.engine.evaluation import EvaluationJob, evaluate, profile
    from yolow.engine.hardware import resolve_device, resolve_threads

    device, threads = resolve_device(config.device), resolve_threads(config.threads)
    session.progress.phase("measure", f"{check.splits[config.split].images} images, {threads} threads")
    with session.scratch() as scratch:
        job = EvaluationJob(
            weights=weights.resolved.path,
            task=weights.task,
            data=make_view(check, scratch / "data"),
            split=config.split,
            imgsz=config.imgsz,
            batch=config.batch,
            device=device,
            threads=threads,
            conf=config.conf,
            iou=config.iou,
            nms_free=config.nms_free,
            plots=plots,
            scratch=scratch / "upstream",
            cache_dir=session.cache_dir,
        )
        metrics = evaluate(job, progress=session.progress)
    costs = profile(
        weights.resolved.path,
        task=weights.task,
        imgsz=config.imgsz,
        device=device,
        threads=threads,
        cache_dir=session.cache_dir,
    )
    return metrics, costs


def _own_data(weights: UsableWeights, reference: str) -> str:
    """The data set that a version was trained on, where it still lies there."""
    version = weights.resolved.version
    record = version.record.data if version else None
    if record is None:
        raise ConfigError(
            "say on which data to measure",
            context=[f"{reference}: these weights have no record of their data"],
            hint=f"yolow val {reference} --data DATA.yaml",
        )
    if not Path(record.path).exists():
        raise DataError(
            "the data that these weights were trained on is not there any more",
            context=[record.path],
            hint=f"yolow val {reference} --data DATA.yaml",
        )
    return record.path


def _require_same_classes(weights: UsableWeights, check: DataCheck, data: str) -> None:
    """Metrics mean something only where class ids mean the same on both sides."""
    theirs, ours = check.dataset.names, weights.checkpoint.names
    different = [
        f"class {index}: weights '{ours.get(index)}', data '{name}'"
        for index, name in theirs.items()
        if ours.get(index) != name
    ]
    if len(theirs) != len(ours):
        different.insert(0, f"weights know {len(ours)} classes, the data has {len(theirs)}")
    if different:
        raise WeightsError(
            "the weights and the data have different classes",
            context=[*different[:5], *(["..."] if len(different) > 5 else []), f"data: {data}"],
            hint="measure on data with the same class list, or fine-tune first",
        )


def _parent(weights: UsableWeights) -> ParentSummary | None:
    version = weights.resolved.version
    if version is None or version.record.parent is None:
        return None
    parent = version.record.parent
    return ParentSummary(reference=parent.reference, sha256=parent.sha256)
