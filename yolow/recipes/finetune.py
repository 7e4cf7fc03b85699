"""`yolow finetune`: adapt learned weights to new data."""

from __future__ import annotations

from dataclasses import replace

from yolow.checkpoint.summary import CheckpointSummary
from yolow.config.schema import FinetuneConfig
from yolow.data.check import DataCheck
from yolow.errors import ConfigError, WeightsError
from yolow.recipes.publishing import TrainingPlan
from yolow.recipes.schedule import SCHEDULE_ARGUMENTS, short_schedule
from yolow.recipes.session import Session
from yolow.recipes.teacher import find_teacher
from yolow.recipes.training import check_data, plan_report, run_plan
from yolow.recipes.weights_of import usable_weights
from yolow.run_report import ParentSummary, RunReport
from yolow.store.reference import valid_name


def finetune(config: FinetuneConfig, session: Session, *, dry_run: bool = False) -> RunReport:
    """Fine-tune and publish a version; with `dry_run` only say what would be done."""
    plan = plan_finetune(config, session)
    return plan_report(plan) if dry_run else run_plan(plan, session)


def plan_finetune(config: FinetuneConfig, session: Session) -> TrainingPlan:
    """Everything that can be known before training: weights, data, and the resolved config.

    Raises:
        YolowError: anything wrong with the config, the weights, the teacher or the data.
    """
    weights = usable_weights(config.weights, session)
    if weights.checkpoint.fused:
        raise WeightsError(
            "fused weights can't be trained well",
            context=[f"{config.weights}: convolutions and batch norms are merged"],
            hint="start from the checkpoint as training saved it",
        )
    parent, teacher = weights.resolved, find_teacher(config.arguments, session)
    frozen = _frozen_layers(config, weights.checkpoint)
    check = check_data(config.data, task=weights.task, session=session)
    scheduled = _with_schedule(config, check)
    return TrainingPlan(
        command="finetune",
        config=replace(
            scheduled,
            weights=parent.reference,  # `solar` means another version tomorrow; this one is meant
            data=str(check.dataset.path),
            name=config.name or valid_name(check.dataset.name),
            arguments={**scheduled.arguments, **teacher.recorded},
        ),
        start=str(parent.path),
        task=weights.task,
        parent=ParentSummary(reference=parent.reference, sha256=parent.sha256),
        parent_names=weights.checkpoint.names,
        check=check,
        own_arguments={**({"freeze": frozen} if frozen else {}), **teacher.loaded},
        notes=(*parent.notes, *teacher.notes),
    )


def _with_schedule(config: FinetuneConfig, check: DataCheck) -> FinetuneConfig:
    """The config with yolow's schedule for short runs, unless the user has chosen anything of it."""
    if config.optimizer != "auto" or SCHEDULE_ARGUMENTS & config.arguments.keys():
        return config
    schedule = short_schedule(
        images=check.splits["train"].images,
        epochs=config.epochs,
        batch=config.batch,
        classes=len(check.dataset.names),
    )
    if schedule is None:
        return config
    optimizer = schedule.pop("optimizer")
    return replace(config, optimizer=optimizer, arguments={**schedule, **config.arguments})


def _frozen_layers(config: FinetuneConfig, checkpoint: CheckpointSummary) -> int:
    """How many layers `freeze` means for this network; 0 for none."""
    if config.freeze == "none":
        return 0
    if config.freeze == "backbone":
        if checkpoint.backbone_layers is None:
            raise WeightsError(
                "the checkpoint does not say which layers are its backbone",
                context=[str(checkpoint.path)],
                hint="give a number of layers, such as --freeze 10",
            )
        return checkpoint.backbone_layers
    if config.freeze >= checkpoint.layers:
        raise ConfigError(
            "nothing would be left to train",
            context=[f"freeze: {config.freeze}", f"layers of {checkpoint.path.name}: {checkpoint.layers}"],
            hint=f"freeze at most {checkpoint.layers - 1} layers, or `--freeze backbone`",
        )
    return config.freeze
