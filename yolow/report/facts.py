"""What a report says, in words and tables; `terminal` and `markdown` only lay it out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from yolow.gate import GateResult
from yolow.metrics import ClassMetrics, Metrics, Profile
from yolow.report.formats import counted, duration, exact, megabytes, millions, points, ratio, visible
from yolow.report.tables import Column, Row, Table, Tone
from yolow.run_report import RunReport

_METRICS = ("precision", "recall", "map50", "map50_95", "box_map50_95", "top1", "top5")
_TRAINING_COMMANDS = {"train", "finetune"}


def subject(report: RunReport) -> str:
    """The weights that the report is about, or an empty text."""
    return report.version or str(report.details.get("weights") or "")


def short_reference(reference: str) -> str:
    """A reference for the head of a column: of a path the file's name, of a digest its first digits."""
    if reference.startswith("sha256:"):
        return reference[: len("sha256:") + 12]
    return visible(PurePath(reference).name)


def origin(report: RunReport) -> str:
    """How the subject came to be, or what was done with it: `finetune of yolo26n.pt`."""
    if "plan" in report.details:
        return f"{report.command}  dry run, nothing was written"
    if report.command == "weights show":
        return ""
    text = report.command
    if report.parent is not None and report.command in _TRAINING_COMMANDS:
        text += f" of {report.parent.reference}"
    if report.command == "val" and report.metrics is not None:
        text += f" on {counted(report.metrics.images, 'image')} ({report.metrics.split})"
    if report.status == "rejected" and report.gate is not None:
        failed = sum(not check.passed for check in report.gate.checks)
        return f"{text}  rejected, {failed} of {counted(len(report.gate.checks), 'gate')} failed"
    return text if report.status == "done" else f"{text}  {report.status}"


def metric_table(metrics: Metrics, report: RunReport) -> Table:
    """One row a metric; beside it the parent's value and the difference in points where comparable."""
    baseline = report.baseline
    before = None if baseline is None else baseline.metrics
    columns = [Column(title="metric"), Column(title=short_reference(subject(report)) or "this", right=True)]
    if baseline is not None and before is not None:
        columns.insert(1, Column(title=short_reference(baseline.reference), right=True))
        columns.append(Column(title="points", right=True))
    rows = []
    for name in _METRICS:
        value: float | None = getattr(metrics, name)
        if value is None:
            continue
        cells = [name, ratio(value)]
        if before is not None:
            old: float | None = getattr(before, name)
            cells = [name, ratio(old), ratio(value), points(value, old)]
        rows.append(Row(cells=tuple(cells), tone="strong" if name == metrics.main else ""))
    return Table(columns=tuple(columns), rows=tuple(rows))


def measured_on(metrics: Metrics) -> str:
    """On which images the metrics hold."""
    return f"measured on {counted(metrics.images, 'image')} of the split '{metrics.split}'"


def class_table(per_class: Sequence[ClassMetrics], *, most: int | None = None) -> tuple[Table, int]:
    """The classes, worst first, and how many were left out."""
    ordered = sorted(per_class, key=lambda entry: (entry.map50_95, entry.class_id))
    shown = ordered if most is None else ordered[:most]
    numbers = ("images", "instances", "precision", "recall", "map50", "map50_95")
    rows = [
        Row(
            cells=(
                entry.name,
                f"{entry.images:,}",
                f"{entry.instances:,}",
                *(ratio(getattr(entry, name)) for name in numbers[2:]),
            )
        )
        for entry in shown
    ]
    columns = (Column(title="class", folds=True), *(Column(title=name, right=True) for name in numbers))
    return Table(columns=columns, rows=tuple(rows)), len(ordered) - len(shown)


def training_line(training: Mapping[str, Any]) -> str:
    """Why the training ended, its best epoch and its time; facts that are missing are left out."""
    planned, run = training.get("epochs_planned"), training.get("epochs_run")
    parts = []
    if training.get("stop_reason") == "patience":
        parts.append(f"stopped by patience after epoch {run} of {planned}")
    elif run is not None and run == planned:
        parts.append(f"ran all {counted(run, 'epoch')}")
    elif run is not None:
        parts.append(
            f"ran {run} of {counted(planned, 'epoch')}" if planned else f"ran {counted(run, 'epoch')}"
        )
    if training.get("best_epoch") is not None:
        parts.append(f"best epoch {training['best_epoch']}")
    if training.get("seconds") is not None:
        parts.append(duration(training["seconds"]))
    return ", ".join(parts)


def profile_line(profile: Profile) -> str:
    """What the weights cost wherever they run."""
    parts = [f"{millions(profile.parameters)} parameters"]
    if profile.gflops is not None:
        parts.append(f"{profile.gflops:.1f} GFLOPs at {profile.imgsz}")
    return ", ".join([*parts, megabytes(profile.size_bytes)])


def latency_line(profile: Profile) -> str:
    """The time for one image with the conditions it was measured under; empty where it was not."""
    if profile.latency_ms is None:
        return ""
    conditions = [f"{profile.runtime} {profile.precision}", profile.device]
    if profile.threads is not None and profile.device == "cpu":
        conditions.append(counted(profile.threads, "thread"))
    conditions += [f"batch {profile.batch}", f"imgsz {profile.imgsz}"]
    return f"{profile.latency_ms:.1f} ms ({', '.join(conditions)})"


def fact_lines(report: RunReport) -> list[tuple[str, str]]:
    """Labelled lines about the training and the cost, the parent's cost too where it differs."""
    lines = [("training", training_line(report.training or {}))]
    if report.profile is not None:
        lines += [("profile", profile_line(report.profile)), ("latency", latency_line(report.profile))]
    before = None if report.baseline is None else report.baseline.profile
    if before is not None and before != report.profile:
        lines += [("parent", profile_line(before)), ("parent latency", latency_line(before))]
    return [(label, text) for label, text in lines if text]


def gate_table(result: GateResult) -> Table:
    """One row a gate."""
    rows = []
    for check in result.checks:
        measured = "not measured" if check.measured is None else exact(check.measured)
        tone: Tone = "good" if check.passed else "bad"
        cells = (str(check.gate), measured, "met" if check.passed else "failed")
        rows.append(Row(cells=cells, tone=tone))
    columns = (Column(title="gate"), Column(title="measured", right=True), Column(title="result"))
    return Table(columns=columns, rows=tuple(rows))


def count_table(counts: Mapping[str, int]) -> Table:
    """How often each class was found, most first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = tuple(Row(cells=(name, f"{number:,}")) for name, number in ordered)
    return Table(
        columns=(Column(title="class", folds=True), Column(title="detections", right=True)), rows=rows
    )


def next_commands(report: RunReport) -> tuple[str, ...]:
    """Commands that continue from here, ready to paste."""
    if report.command not in _TRAINING_COMMANDS or "plan" in report.details:
        return ()
    if report.status == "interrupted" and report.run:
        return (f"yolow {report.command} --resume {shlex.quote(report.run)}",)
    if report.status != "done" or report.version is None:
        return ()
    reference = shlex.quote(report.version)
    return (f"yolow predict IMAGE --weights {reference}", f"yolow weights show {reference}")
