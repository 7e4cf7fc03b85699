"""The steps that `train`, `finetune` and `--resume` share, from a plan to a published version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from yolow.config.strict_yaml import dump_yaml
from yolow.data.check import DataCheck, check_dataset, raise_for_errors
from yolow.data.dataset import Dataset, find_dataset, load_dataset
from yolow.data.manifest import MANIFEST_FILE
from yolow.data.view import make_view
from yolow.errors import InterruptedRunError, MissingImagesError, YolowError
from yolow.gate import parse_gates
from yolow.recipes.publishing import (
    TrainingPlan,
    config_document,
    measure,
    publish,
    published_report,
    rejected_report,
    remove_leftovers,
)
from yolow.recipes.session import Session
from yolow.run_report import RunReport
from yolow.store.runs import Journal, Run, create_run, require_room

if TYPE_CHECKING:
    from yolow.engine.training import TrainingOutcome

# Upstream's checkpoints with optimizer state, our safe copies, the result and its staging, in units of one
# fp16 checkpoint; plus plots and logs.
_RUN_CHECKPOINTS = 24
_RUN_EXTRA_BYTES = 50_000_000
_TYPICAL_CHECKPOINT_BYTES = 6_000_000


def check_data(data: str, *, task: str, session: Session) -> DataCheck:
    """Find, read and check the training data; faults are raised all at once."""
    session.progress.phase("check data", data)
    path = find_dataset(data)
    try:
        dataset = load_dataset(path)
    except MissingImagesError:
        if not session.allow_code:
            raise
        dataset = _load_after_download(path, session)
    check = check_dataset(dataset, task=task, cache_dir=session.cache_dir, progress=session.progress)
    raise_for_errors(check)
    return check


def _load_after_download(path: Path, session: Session) -> Dataset:
    from yolow.engine.data_script import run_download_script

    session.progress.phase("run the data set's download script", path.name)
    with session.scratch() as scratch:
        run_download_script(path, scratch=scratch, offline=session.offline)
    return load_dataset(path)


def plan_report(plan: TrainingPlan) -> RunReport:
    """What `--dry-run` shows."""
    splits = {
        name: {"images": facts.images, "instances": facts.instances, "background": facts.background}
        for name, facts in plan.check.splits.items()
    }
    return RunReport(
        command=plan.command,
        task=plan.task,
        parent=plan.parent,
        warnings=(*plan.notes, *plan.check.warnings),
        details={"plan": {"config": config_document(plan.config), "data": splits, "start": plan.start}},
    )


def run_plan(plan: TrainingPlan, session: Session) -> RunReport:
    """Begin a new run and carry it through to a version, or to a rejected candidate."""
    from yolow.engine.hardware import resolve_device, resolve_threads

    parse_gates(plan.config.gate)
    device, threads = resolve_device(plan.config.device), resolve_threads(plan.config.threads)
    config = replace(plan.config, device=device, threads=threads)
    plan = replace(plan, config=config)
    start = Path(plan.start)
    size = start.stat().st_size if start.is_file() else _TYPICAL_CHECKPOINT_BYTES
    require_room(session.runs, _RUN_CHECKPOINTS * size + _RUN_EXTRA_BYTES, purpose="the run", flag="--runs")
    require_room(session.store.root, 2 * size + _RUN_EXTRA_BYTES, purpose="the new version", flag="--store")
    # A store that can't be read is better known before the training than after.
    session.store.numbers(plan.name)
    run = create_run(session.runs, name=plan.name, command=plan.command)
    (run.folder / "run.yaml").write_text(dump_yaml(config_document(config)), encoding="utf-8")
    (run.folder / MANIFEST_FILE).write_text(plan.check.manifest, encoding="ascii")
    run.write(
        Journal(
            run=run.name,
            command=plan.command,
            name=plan.name,
            phase="prepared",
            config=config_document(config),
            parent_sha256=plan.parent.sha256 if plan.parent else None,
            data_fingerprint=plan.check.fingerprint,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )
    )
    return carry_on(run, plan, session)


def carry_on(run: Run, plan: TrainingPlan, session: Session) -> RunReport:
    """Go through the phases from wherever the run stands; each may have been begun before."""
    with run.locked(), _resumable(run, plan.command):
        published = session.store.find_run(plan.name, run.name)
        if published is None:
            data = make_view(plan.check, run.folder / "data")
            run.enter("training")
            outcome = _train(run, plan, session, data)
            run.enter("measuring")
            measured = measure(run, plan, session, outcome=outcome, data=data)
            if not measured.gate.passed:
                run.enter("rejected")
                return rejected_report(run, plan, measured)
            run.enter("publishing")
            published = publish(run, plan, session, measured)
        # A kill after the version's rename leaves only this note to be made.
        run.enter("published", version=published.reference)
        remove_leftovers(run)
    return published_report(published, plan, run)


def _train(run: Run, plan: TrainingPlan, session: Session, data: Path) -> TrainingOutcome:
    from yolow.engine.training import TrainingJob, train

    config = plan.config
    images = plan.check.splits["train"].images
    session.progress.phase("train", f"{config.epochs} epochs of {images} images, {config.threads} threads")
    job = TrainingJob(
        start=plan.start,
        task=plan.task,
        data=data,
        folder=run.folder,
        arguments={
            "epochs": config.epochs,
            "imgsz": config.imgsz,
            "batch": config.batch,
            "device": config.device,
            "seed": config.seed,
            "patience": config.patience,
            "optimizer": config.optimizer,
            "plots": config.plots,
            **config.arguments,
            **plan.own_arguments,
        },
        threads=int(config.threads),
        cache_dir=session.cache_dir,
    )
    return train(job, progress=session.progress)


@contextmanager
def _resumable(run: Run, command: str) -> Iterator[None]:
    """Whatever ends the run early, say how to go on."""
    hint = f"yolow {command} --resume {run.name}"
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError("interrupted", context=[f"run: {run.folder}"], hint=hint) from None
    except SystemExit as stop:  # SIGTERM, as the command line turns it
        error = InterruptedRunError("terminated", context=[f"run: {run.folder}"], hint=hint)
        error.exit_code = stop.code if isinstance(stop.code, int) else 143
        raise error from None
    except YolowError as error:
        error.context = (*error.context, f"run: {run.folder}")
        error.note = error.note or f"the run can be resumed: {hint}"
        raise
