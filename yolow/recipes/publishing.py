"""The second half of a training run: measure the result, judge it, publish it, report it."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolow.config.schema import FinetuneConfig, TrainConfig, TrainingConfig
from yolow.data.check import DataCheck
from yolow.data.manifest import MANIFEST_FILE
from yolow.gate import GateResult, evaluate_gates, parse_gates
from yolow.metrics import Metrics, Profile
from yolow.recipes.session import Session
from yolow.report.markdown import render_markdown
from yolow.run_report import Artifact, Baseline, ParentSummary, RunReport
from yolow.store.record import DataRecord, ParentRecord
from yolow.store.runs import Run
from yolow.store.store import VersionDraft, WeightsVersion

if TYPE_CHECKING:
    from yolow.engine.training import TrainingOutcome


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """A training that is known to be possible.

    Attributes:
        command: `train` or `finetune`.
        config: resolved; its `name` is set.
        start: checkpoint path or architecture.
        task: `detect`, `segment`, `classify`, `pose` or `obb`.
        parent: the weights that it starts from, or None.
        parent_names: their class names.
        check: the checked data set.
        own_arguments: Ultralytics arguments that the command itself sets.
        notes: what to tell about the weights.
    """

    command: str
    config: FinetuneConfig | TrainConfig
    start: str
    task: str
    parent: ParentSummary | None
    parent_names: dict[int, str] | None
    check: DataCheck
    own_arguments: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        assert self.config.name is not None
        return self.config.name


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is known of a finished training."""

    weights: Path
    training: dict[str, Any]
    metrics: Metrics
    baseline: Baseline | None
    profile: Profile
    gate: GateResult
    environment: dict[str, Any]


def config_document(config: TrainingConfig) -> dict[str, Any]:
    """A run config as the YAML that `--config` reads back: arguments of Ultralytics stand beside our keys."""
    document = asdict(config)
    arguments = document.pop("arguments")
    document["gate"] = list(document["gate"])
    return {**document, **arguments}


def measure(
    run: Run, plan: TrainingPlan, session: Session, *, outcome: TrainingOutcome, data: Path
) -> Measured:
    """Write the deployable weights and measure them; the parent too, where it knows the same classes."""
    from yolow.engine.checkpoints import finalize_weights
    from yolow.engine.evaluation import EvaluationJob, evaluate, profile
    from yolow.engine.hardware import describe_environment

    config, cache_dir = plan.config, session.cache_dir
    device, threads = config.device.split(",")[0], int(config.threads)
    weights = run.folder / "result.pt"
    finalize_weights(outcome.best, weights, cache_dir=cache_dir)

    def measure_quality(path: Path, plots: Path | None) -> Metrics:
        job = EvaluationJob(
            weights=path,
            task=plan.task,
            data=data,
            imgsz=config.imgsz,
            batch=max(config.batch, 1),
            device=device,
            threads=threads,
            plots=plots,
            scratch=run.folder / "scratch",
            cache_dir=cache_dir,
        )
        return evaluate(job, progress=session.progress)

    session.progress.phase("measure", f"{plan.check.splits['val'].images} validation images")
    metrics = measure_quality(weights, run.folder / "curves" if config.plots else None)
    baseline = None
    if plan.parent is not None and list((plan.parent_names or {}).values()) == list(
        plan.check.dataset.names.values()
    ):
        session.progress.phase("measure the parent", plan.parent.reference)
        baseline = Baseline(reference=plan.parent.reference, metrics=measure_quality(Path(plan.start), None))
    costs = profile(
        weights, task=plan.task, imgsz=config.imgsz, device=device, threads=threads, cache_dir=cache_dir
    )
    return Measured(
        weights=weights,
        training={
            "epochs_planned": outcome.epochs_planned,
            "epochs_run": outcome.epochs_run,
            "best_epoch": outcome.best_epoch,
            "stop_reason": outcome.stop_reason,
            "seconds": round(outcome.seconds, 1),
        },
        metrics=metrics,
        baseline=baseline,
        profile=costs,
        gate=evaluate_gates(parse_gates(config.gate), metrics, costs),
        environment=describe_environment(threads, config.device),
    )


def publish(run: Run, plan: TrainingPlan, session: Session, measured: Measured) -> WeightsVersion:
    """Add the result to the store as the next version of its name, with everything that explains it."""
    session.progress.phase("publish", plan.name)
    check = plan.check
    draft = VersionDraft(
        name=plan.name,
        operation=plan.command,
        task=plan.task,
        format="pytorch",
        parent=ParentRecord(**asdict(plan.parent)) if plan.parent else None,
        classes=check.dataset.names,
        config=config_document(plan.config),
        data=DataRecord(
            name=check.dataset.name,
            path=str(check.dataset.path),
            fingerprint=check.fingerprint,
            train_images=check.splits["train"].images,
            val_images=check.splits["val"].images,
        ),
        metrics=measured.metrics,
        baseline=measured.baseline.metrics if measured.baseline else None,
        profile=measured.profile,
        training=measured.training,
        environment=measured.environment,
        run=run.name,
        warnings=(*plan.notes, *check.warnings),
    )

    def write_report(staging: Path, reference: str) -> None:
        report = _report(plan, measured, run, version=reference)
        (staging / "report.md").write_text(render_markdown(report), encoding="utf-8")

    return session.store.add(
        draft, weights=measured.weights, suffix=".pt", files=_explaining_files(run), finish=write_report
    )


def _explaining_files(run: Run) -> dict[str, Path]:
    """Name inside the version -> file in the run: config, images and labels, losses by epoch, and curves."""
    files = {name: run.folder / name for name in ("run.yaml", MANIFEST_FILE)}
    for name in ("results.csv", "results.png"):
        files[name] = run.folder / "train" / name
    curves = run.folder / "curves"
    if curves.is_dir():
        files |= {f"curves/{file.name}": file for file in sorted(curves.iterdir()) if file.suffix == ".png"}
    return {name: file for name, file in files.items() if file.is_file()}


def remove_leftovers(run: Run) -> None:
    """Delete what a published run does not need any more; the journal, the config and the log of epochs stay."""
    for name in ("data", "scratch", "checkpoint"):
        shutil.rmtree(run.folder / name, ignore_errors=True)
    shutil.rmtree(run.folder / "train" / "weights", ignore_errors=True)
    (run.folder / "result.pt").unlink(missing_ok=True)


def _report(plan: TrainingPlan, measured: Measured, run: Run, *, version: str | None) -> RunReport:
    return RunReport(
        command=plan.command,
        version=version,
        task=plan.task,
        parent=plan.parent,
        metrics=measured.metrics,
        baseline=measured.baseline,
        profile=measured.profile,
        gate=measured.gate,
        training=measured.training,
        warnings=(*plan.notes, *plan.check.warnings),
        run=run.name,
        details={"config": config_document(plan.config)},
    )


def rejected_report(run: Run, plan: TrainingPlan, measured: Measured) -> RunReport:
    """A candidate that missed a gate: no version, but nothing is lost."""
    report = replace(
        _report(plan, measured, run, version=None),
        status="rejected",
        exit_code=1,
        path=str(measured.weights),
        artifacts=(Artifact(kind="report", path=str(run.folder / "report.md")), *_curves(run.folder)),
    )
    (run.folder / "report.md").write_text(render_markdown(report), encoding="utf-8")
    return report


def published_report(version: WeightsVersion, plan: TrainingPlan, run: Run) -> RunReport:
    """What a version's record says of its training."""
    record = version.record
    baseline = None
    if plan.parent is not None and record.baseline is not None:
        baseline = Baseline(reference=plan.parent.reference, metrics=record.baseline)
    return RunReport(
        command=plan.command,
        version=version.reference,
        path=str(version.weights_path),
        task=plan.task,
        parent=plan.parent,
        metrics=record.metrics,
        baseline=baseline,
        profile=record.profile,
        gate=evaluate_gates(parse_gates(plan.config.gate), record.metrics, record.profile),
        training=record.training,
        artifacts=(Artifact(kind="report", path=str(version.folder / "report.md")), *_curves(version.folder)),
        warnings=record.warnings,
        run=run.name,
        details={"config": config_document(plan.config)},
    )


def _curves(folder: Path) -> tuple[Artifact, ...]:
    pictures = [
        *folder.glob("results.png"),
        *folder.glob("train/results.png"),
        *sorted(folder.glob("curves/*.png")),
    ]
    return tuple(Artifact(kind="curves", path=str(picture)) for picture in pictures)
