"""`yolow train`: learn from random weights."""

from __future__ import annotations

from dataclasses import replace

from yolow.config.architectures import find_architecture
from yolow.config.schema import TrainConfig
from yolow.recipes.publishing import TrainingPlan
from yolow.recipes.session import Session
from yolow.recipes.teacher import find_teacher
from yolow.recipes.training import check_data, plan_report, run_plan
from yolow.run_report import RunReport
from yolow.store.reference import valid_name


def train(config: TrainConfig, session: Session, *, dry_run: bool = False) -> RunReport:
    """Train from scratch and publish a version; with `dry_run` only say what would be done."""
    plan = plan_train(config, session)
    return plan_report(plan) if dry_run else run_plan(plan, session)


def plan_train(config: TrainConfig, session: Session) -> TrainingPlan:
    """Everything that can be known before training: architecture, data, and the resolved config.

    Raises:
        YolowError: anything wrong with the config, the architecture, the teacher or the data.
    """
    architecture = find_architecture(config.model)
    teacher = find_teacher(config.arguments, session)
    check = check_data(config.data, task=architecture.task, session=session)
    return TrainingPlan(
        command="train",
        config=replace(
            config,
            data=str(check.dataset.path),
            name=config.name or valid_name(check.dataset.name),
            arguments={**config.arguments, **teacher.recorded},
        ),
        start=architecture.reference,
        task=architecture.task,
        parent=None,
        parent_names=None,
        check=check,
        own_arguments={"pretrained": False, **teacher.loaded},
        notes=teacher.notes,
    )
