"""`report.md`: the report that lies beside a version and fits into a CI summary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from yolow.report import facts
from yolow.report.formats import counted, visible_lines
from yolow.report.tables import markdown_table, markdown_text
from yolow.run_report import RunReport

MOST_FILES = 10


def render_markdown(report: RunReport) -> str:
    """The report as Markdown: title, metrics, facts, gates, warnings, classes, config.

    It names no absolute path of this machine and no time of day, so that equal results read equal. The config is
    `report.details["config"]`, a mapping or YAML text.
    """
    sections = [_title(report), _metrics(report), _facts(report), _gate(report), _warnings(report)]
    sections += [_details(report), _classes(report), _config(report.details.get("config")), _files(report)]
    return "\n".join(section for section in sections if section)


def _title(report: RunReport) -> str:
    origin = facts.origin(report)
    parent = report.parent
    if parent is not None:
        origin = origin.replace(parent.reference, _portable(parent.reference))
    line = markdown_text(origin)
    if report.task:
        line += f" ({report.task})"
    heading = markdown_text(_portable(facts.subject(report))) or report.command
    return f"# {heading}\n\n{line}\n"


def _metrics(report: RunReport) -> str:
    if report.metrics is None:
        return ""
    table = markdown_table(facts.metric_table(report.metrics, report))
    return f"## Metrics\n\n{table}\n{markdown_text(facts.measured_on(report.metrics))}\n"


def _facts(report: RunReport) -> str:
    return "".join(f"- {label}: {markdown_text(text)}\n" for label, text in facts.fact_lines(report))


def _gate(report: RunReport) -> str:
    if report.gate is None or not report.gate.checks:
        return ""
    return f"## Gates\n\n{markdown_table(facts.gate_table(report.gate))}"


def _warnings(report: RunReport) -> str:
    if not report.warnings:
        return ""
    return "## Warnings\n\n" + "".join(f"- {markdown_text(warning)}\n" for warning in report.warnings)


def _details(report: RunReport) -> str:
    """predict's counts."""
    counts: Mapping[str, int] = report.details.get("counts") or {}
    if not counts:
        return ""
    return "## Detections\n\n" + markdown_table(facts.count_table(counts))


def _classes(report: RunReport) -> str:
    if report.metrics is None or not report.metrics.per_class:
        return ""
    table, _ = facts.class_table(report.metrics.per_class)
    return f"## Classes, worst first\n\n{markdown_table(table)}"


def _config(config: Mapping[str, Any] | str | None) -> str:
    if not config:
        return ""
    if isinstance(config, str):
        text = config
    else:
        from yolow.config.strict_yaml import dump_yaml

        text = dump_yaml(_portable_values(config))
    text = "\n".join(visible_lines(text.strip("\n")))
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"## Run config\n\n{fence}yaml\n{text}\n{fence}\n"


def _files(report: RunReport) -> str:
    if not report.artifacts:
        return ""
    lines = [
        f"- {markdown_text(artifact.kind)}: {markdown_text(_portable(artifact.path))}\n"
        for artifact in report.artifacts[:MOST_FILES]
    ]
    if (more := len(report.artifacts) - MOST_FILES) > 0:
        lines.append(f"- ... and {counted(more, 'more file')}\n")
    return "## Files\n\n" + "".join(lines)


def _portable_values(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _portable_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_portable_values(item) for item in value]
    return _portable(value) if isinstance(value, str) else value


def _portable(text: str) -> str:
    """The last two parts of an absolute path, since the rest belongs to one machine; other text as it is."""
    path = PurePath(text)
    if not path.is_absolute() or len(path.parts) < 3:
        return text
    return f"…/{'/'.join(path.parts[-2:])}"
