"""A model card: what a version's record says, in Markdown with the YAML head that model hubs read.

The head's keys are those of Hugging Face's model card metadata
(https://github.com/huggingface/hub-docs/blob/main/modelcard.md). A card is published, so absolute paths, which name
a machine and its user, are left out.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from yolow.config.strict_yaml import dump_yaml
from yolow.metrics import Metrics
from yolow.report import facts
from yolow.report.formats import counted, visible
from yolow.report.tables import Column, Row, Table, markdown_table, markdown_text
from yolow.run_report import Baseline, RunReport
from yolow.store.lineage import LineageStep
from yolow.store.official import is_official
from yolow.store.record import VersionRecord

MOST_CLASSES = 100
_PIPELINES = {
    "detect": "object-detection",
    "segment": "image-segmentation",
    "classify": "image-classification",
    "pose": "keypoint-detection",
    "obb": "object-detection",
}
_WORDS = {
    "detect": "An object detector",
    "segment": "An instance segmenter",
    "classify": "An image classifier",
    "pose": "A pose estimator",
    "obb": "A detector of rotated objects",
}
_TOLD = {"architecture": "architecture", "version": "Ultralytics", "date": "written"}
_QUALITY = ("precision", "recall", "map50", "map50_95", "box_map50_95", "top1", "top5")
_STATES = {
    "present": "",
    "removed": ", removed from the store",
    "outside": ", from outside the store",
    "missing": ", missing from the store",
}
_PATH_IN_TEXT = re.compile(r"(?<![\w./:])/(?:[^\s/:,'\"]+/)+([^\s/:,'\"]+)")


def render_card(
    record: VersionRecord,
    *,
    lineage: Sequence[LineageStep] = (),
    aliases: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> str:
    """The card of one version.

    Args:
        record: of the version.
        lineage: from the version itself up to its origin.
        aliases: names that stand for the version now.
        notes: what people wrote down about it.
    """
    head = dump_yaml(_head(record, lineage))
    sections = [
        f"---\n{head}---\n\n# {markdown_text(_reference(record))}\n\n{_introduction(record, aliases)}\n",
        _use(record),
        _quality(record),
        _cost(record),
        _data(record),
        _training(record),
        _classes(record),
        _lineage(lineage),
        _list("Known limits", [_without_paths(warning) for warning in record.warnings]),
        _list("Notes", [_without_paths(note) for note in notes]),
        _licence(),
    ]
    return "\n".join(section for section in sections if section)


def _reference(record: VersionRecord) -> str:
    return f"{record.name}:v{record.number}"


def _head(record: VersionRecord, lineage: Sequence[LineageStep]) -> dict[str, Any]:
    head: dict[str, Any] = {"license": "agpl-3.0", "library_name": "ultralytics"}
    if record.task in _PIPELINES:
        head["pipeline_tag"] = _PIPELINES[record.task]
    origin = lineage[-1].reference if lineage else ""
    if is_official(origin):
        head["base_model"] = origin.removesuffix(".pt")
    head["tags"] = ["ultralytics", "yolo", "yolow", record.task, record.format]
    values = _values(record.metrics)
    if values:
        head["metrics"] = list(values)
    if values and record.data is not None and record.metrics is not None:
        dataset = {
            "name": record.data.name,
            "type": record.data.name,
            "split": record.metrics.split,
            "revision": record.data.fingerprint,
        }
        result = {
            "task": {"type": _PIPELINES.get(record.task, record.task)},
            "dataset": dataset,
            "metrics": [{"type": name, "value": value} for name, value in values.items()],
        }
        head["model-index"] = [{"name": f"{record.name}-v{record.number}", "results": [result]}]
    return head


def _values(metrics: Metrics | None) -> dict[str, float]:
    if metrics is None:
        return {}
    values = {name: getattr(metrics, name) for name in _QUALITY}
    return {name: value for name, value in values.items() if value is not None}


def _introduction(record: VersionRecord, aliases: Sequence[str]) -> str:
    text = f"{_WORDS.get(record.task, 'A network')} of {counted(len(record.classes), 'class')}"
    text += f", made by `yolow {record.operation}`" if record.operation != "import" else ", imported"
    text += f" on {record.created.partition('T')[0]}"
    if record.parent is not None:
        text += f" from {markdown_text(_portable(record.parent.reference))}"
    lines = [f"{text}.", "", f"- file: {_code(record.weights)}", f"- format: {markdown_text(record.format)}"]
    what = (
        "" if any(entry.path == record.weights for entry in record.files) else " (of its sha256sum listing)"
    )
    lines.append(f"- sha256: `{record.sha256}`{what}")
    if aliases:
        lines.append(f"- aliases: {markdown_text(', '.join(aliases))}")
    return "\n".join(lines)


def _use(record: VersionRecord) -> str:
    task = "" if record.format == "pytorch" else f", task={json.dumps(record.task)}"
    imgsz = f", imgsz={record.profile.imgsz}" if record.profile is not None else ""
    python = [
        "from ultralytics import YOLO",
        "",
        f"model = YOLO({json.dumps(record.weights)}{task})",
        f'results = model.predict("image.jpg"{imgsz})',
    ]
    text = f"## Use\n\n{_block('python', python)}"
    if record.format == "pytorch":  # what `yolow predict` loads
        shell = f"yolow predict image.jpg --weights {shlex.quote(f'./{visible(record.weights)}')}"
        text += f"\n{_block('sh', [shell])}"
    return text


def _quality(record: VersionRecord) -> str:
    metrics = record.metrics
    if metrics is None:
        return "## Quality\n\nNot measured.\n"
    baseline = None
    if record.parent is not None and record.baseline is not None:
        baseline = Baseline(reference=_portable(record.parent.reference), metrics=record.baseline)
    report = RunReport(command="weights export-card", version=_reference(record), baseline=baseline)
    text = f"## Quality\n\n{markdown_table(facts.metric_table(metrics, report))}\n"
    text += f"{markdown_text(facts.measured_on(metrics))}\n"
    if metrics.per_class:
        table, _ = facts.class_table(metrics.per_class)
        text += f"\n{markdown_table(table)}"
    return text


def _cost(record: VersionRecord) -> str:
    profile = record.profile
    if profile is None:
        return ""
    lines = [facts.profile_line(profile), facts.latency_line(profile)]
    machine = record.environment.get("gpu") if profile.device != "cpu" else record.environment.get("cpu")
    if profile.latency_ms is not None and machine:
        lines.append(f"measured on {machine}")
    return _list("Cost", [line for line in lines if line])


def _data(record: VersionRecord) -> str:
    data = record.data
    if data is None:
        return ""
    images = f"{counted(data.train_images, 'training image')}, {counted(data.val_images, 'validation image')}"
    return _list("Data", [f"{data.name}: {images}", f"fingerprint of the content: {data.fingerprint}"])


def _training(record: VersionRecord) -> str:
    training = record.training or {}
    line = facts.training_line(training)
    told = [f"{label}: {training[key]}" for key, label in _TOLD.items() if key in training]
    settings = dict(_public(record.config or training.get("train_args") or {}))
    if not (line or told or settings):
        return ""
    text = "## Training\n"
    if line or told:
        text += "\n" + "".join(f"- {markdown_text(one)}\n" for one in (line, *told) if one)
    if settings:
        block = _block("yaml", dump_yaml(settings).splitlines())
        text += f"\n<details><summary>All settings</summary>\n\n{block}\n</details>\n"
    return text


def _public(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Settings that say something about the weights: no defaults that are off, and no path of the machine."""
    for key, value in settings.items():
        if value is None or value in ([], {}, "") or _names_a_place(value):
            continue
        yield str(key), value


def _names_a_place(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_names_a_place, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_names_a_place, value))
    return isinstance(value, str) and (_is_absolute(value) or "\\" in value)


def _classes(record: VersionRecord) -> str:
    if not record.classes:
        return ""
    shown = list(record.classes.items())[:MOST_CLASSES]
    rows = tuple(Row(cells=(str(class_id), name)) for class_id, name in shown)
    table = Table(columns=(Column(title="id", right=True), Column(title="class")), rows=rows)
    more = len(record.classes) - len(shown)
    return f"## Classes\n\n{markdown_table(table)}" + (f"\n... and {more:,} more\n" if more else "")


def _lineage(lineage: Sequence[LineageStep]) -> str:
    if len(lineage) < 2:
        return ""
    lines = []
    for step in lineage:
        digest = f" (sha256 {step.sha256})" if step.sha256 else ""
        lines.append(f"{_portable(step.reference)}{_STATES[step.state]}{digest}")
    return _list("Lineage", lines)


def _licence() -> str:
    return (
        "## Licence\n\nUltralytics publishes YOLO's code and weights under AGPL-3.0, which holds for weights that were "
        "trained with it too, unless an Ultralytics Enterprise licence says otherwise. The data may have terms of its "
        "own.\n"
    )


def _list(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "".join(f"- {markdown_text(line)}\n" for line in lines) if lines else ""


def _block(language: str, lines: Sequence[str]) -> str:
    text = "\n".join(visible(line) for line in lines)
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}\n"


def _code(text: str) -> str:
    return f"`{visible(text).replace('`', '')}`"


def _is_absolute(text: str) -> bool:
    return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute() or text.startswith("~")


def _portable(reference: str) -> str:
    """A reference without the folders of this machine."""
    return PurePosixPath(reference).name if _is_absolute(reference) else reference


def _without_paths(text: str) -> str:
    return _PATH_IN_TEXT.sub(r"…/\1", text)
