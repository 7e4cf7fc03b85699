"""`--resume RUN`: go on with a training that something ended early."""

from __future__ import annotations

from typing import Any

from yolow.checkpoint.summary import read_checkpoint
from yolow.config.load import config_from_document
from yolow.config.schema import FinetuneConfig, TrainConfig
from yolow.errors import RunError, WeightsError, WeightsRefusedError
from yolow.recipes.finetune import plan_finetune
from yolow.recipes.publishing import TrainingPlan
from yolow.recipes.session import Session
from yolow.recipes.train import plan_train
from yolow.recipes.training import carry_on
from yolow.run_report import RunReport
from yolow.store.runs import Journal, Run, open_run


def resume(text: str, session: Session) -> RunReport:
    """Continue the run of this name, with its own config and only with the same weights and data.

    Raises:
        RunError: there is no such run, it ended with a rejected candidate, another process works on it, or the
            weights or the data are not what it began with.
        WeightsRefusedError, WeightsError: its checkpoints are not what a training leaves.
    """
    run = open_run(session.runs, text)
    journal = run.journal
    if journal.phase == "rejected":
        raise RunError(
            "the run has ended: its candidate missed a gate",
            context=[f"run: {run.folder}", f"candidate: {run.folder / 'result.pt'}"],
            hint=f"see {run.folder / 'report.md'}, or start a new run",
        )
    _require_no_code(run)
    plan = _plan(journal, session)
    _require_unchanged(journal, plan, str(run.folder))
    return carry_on(run, plan, session)


def _plan(journal: Journal, session: Session) -> TrainingPlan:
    document: dict[str, Any] = journal.config
    if journal.command == "train":
        return plan_train(config_from_document(TrainConfig, document, source=journal.run), session)
    return plan_finetune(config_from_document(FinetuneConfig, document, source=journal.run), session)


def _require_unchanged(journal: Journal, plan: TrainingPlan, folder: str) -> None:
    changed = []
    sha256 = plan.parent.sha256 if plan.parent else None
    if sha256 != journal.parent_sha256:
        changed.append(f"weights: {journal.parent_sha256} when the run began, {sha256} now")
    if plan.check.fingerprint != journal.data_fingerprint:
        changed.append(f"data: {journal.data_fingerprint} when the run began, {plan.check.fingerprint} now")
    if changed:
        raise RunError(
            "the run can't go on: what it began with has changed",
            context=[*changed, f"run: {folder}"],
            hint="bring the old files back, or start a new run",
        )


def _require_no_code(run: Run) -> None:
    """Read the checkpoints that the training would load, without executing them: a run may come from elsewhere."""
    for path in sorted((run.folder / "checkpoint").glob("*.pt")):
        try:
            read_checkpoint(path)
        except (WeightsError, WeightsRefusedError) as error:
            error.hint = "start a new run"
            raise
