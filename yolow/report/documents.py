"""The one JSON document that `--json` prints, whole or image by image."""

from __future__ import annotations

import json
import math
import numbers
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TextIO

from yolow.errors import YolowError
from yolow.gate import GateResult
from yolow.metrics import Metrics
from yolow.report.errors import error_document
from yolow.report.streams import OutputStream
from yolow.run_report import SCHEMA_VERSION, RunReport

_CORE_METRICS = ("precision", "recall", "map50", "map50_95", "split", "images")
_TASK_METRICS = ("box_map50_95", "top1", "top5", "main")

# A file name that is not valid UTF-8 holds lone surrogates, which UTF-8 output can't carry but JSON can escape.
_SURROGATE = re.compile("[\ud800-\udfff]")


def report_document(report: RunReport, *, error: YolowError | None = None) -> dict[str, Any]:
    """Everything that a report says, as JSON-ready values.

    Numbers that are not finite become None, paths become text.

    Args:
        report: the outcome.
        error: what ended the command. It decides `status` and `exit_code` where the report still says `done`.

    Raises:
        ValueError: a key of `report.details` is one of the document's own.
    """
    status, exit_code = report.status, report.exit_code
    if error is not None and status == "done":
        status, exit_code = "rejected" if error.exit_code == 1 else "error", error.exit_code
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "command": report.command,
        "status": status,
        "exit_code": exit_code,
        "version": report.version,
        "path": report.path,
        "task": report.task,
        "parent": None if report.parent is None else asdict(report.parent),
        "metrics": _metrics(report.metrics),
        "baseline": _baseline(report),
        "profile": None if report.profile is None else asdict(report.profile),
        "gate": _gate(report.gate),
        "training": report.training,
        "run": report.run,
        "artifacts": [asdict(artifact) for artifact in report.artifacts],
        "warnings": list(report.warnings),
    }
    if taken := sorted({*document, "error"} & set(report.details)):
        raise ValueError(f"details may not use the document's own keys: {', '.join(taken)}")
    document |= report.details
    if error is not None:
        document["error"] = error_document(error)
    return {key: _json_value(value, key) for key, value in document.items()}


def dump_json(document: Mapping[str, Any]) -> str:
    """JSON text, indented by two blanks, ending in a line break; letters of all scripts stay as they are."""
    return _dumps(document, indent=2, ascii_only=False) + "\n"


def write_json(document: Mapping[str, Any], stream: TextIO | OutputStream) -> None:
    r"""Write `dump_json`'s text; a stream that is not Unicode gets `\u` escapes, so that nothing is lost.

    Raises:
        ResourceError: the disk is full.
    """
    output = _output(stream)
    output.write(_dumps(document, indent=2, ascii_only=not output.is_unicode) + "\n")
    output.flush()


class JsonStream:
    """Writes `report_document` in constant memory: the list under `images` first, item by item.

    Once started, `finish` must be called whatever happens, so that the document is closed.

    Args:
        stream: where to; usually `console.stdout_stream()`.
    """

    def __init__(self, stream: TextIO | OutputStream) -> None:
        self._output = _output(stream)
        self._ascii_only = not self._output.is_unicode
        self._separator: str | None = None

    @property
    def started(self) -> bool:
        """Whether anything was written, so that only `finish` can end the document."""
        return self._separator is not None

    def start(self) -> None:
        """Open the document."""
        self._separator = "\n"
        self._output.write('{\n  "images": [')

    def image(self, image: Mapping[str, Any]) -> None:
        """Add one image on a line of its own."""
        if self._separator is None:
            self.start()
        text = _dumps(_json_value(image, "images"), indent=None, ascii_only=self._ascii_only)
        separator, self._separator = self._separator, ",\n"
        self._output.write(f"{separator}    {text}")

    def finish(self, report: RunReport, error: YolowError | None = None) -> None:
        """Close the list and add everything else; `images` among the report's details are ignored."""
        document = report_document(report, error=error)
        document.pop("images", None)
        if self._separator is None:
            self.start()
        rest = _dumps(document, indent=2, ascii_only=self._ascii_only)
        end = "]" if self._separator == "\n" else "\n  ]"
        self._output.write(f"{end},\n{rest.removeprefix('{').lstrip(chr(10))}\n")
        self._output.flush()


def _output(stream: TextIO | OutputStream) -> OutputStream:
    return stream if isinstance(stream, OutputStream) else OutputStream(lambda: stream)


def _dumps(value: Any, *, indent: int | None, ascii_only: bool) -> str:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, allow_nan=False)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _metrics(metrics: Metrics | None) -> dict[str, Any] | None:
    if metrics is None:
        return None
    document = {name: getattr(metrics, name) for name in _CORE_METRICS}
    for name in _TASK_METRICS:
        if (value := getattr(metrics, name)) is not None:
            document[name] = value
    if metrics.per_class:
        document["per_class"] = [asdict(entry) for entry in metrics.per_class]
    return document


def _baseline(report: RunReport) -> dict[str, Any] | None:
    baseline = report.baseline
    if baseline is None:
        return None
    return {
        "reference": baseline.reference,
        "metrics": _metrics(baseline.metrics),
        "profile": None if baseline.profile is None else asdict(baseline.profile),
    }


def _gate(result: GateResult | None) -> dict[str, Any] | None:
    if result is None:
        return None
    checks = [
        {**asdict(check.gate), "measured": check.measured, "passed": check.passed} for check in result.checks
    ]
    return {"passed": result.passed, "checks": checks}


def _json_value(value: Any, key: str) -> Any:
    """Plain JSON types; numbers of numeric libraries count as numbers.

    Raises:
        TypeError: a value that has no place in JSON.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {str(name): _json_value(item, f"{key}.{name}") for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item, key) for item in value]
    raise TypeError(f"'{key}' holds a {type(value).__name__}, which is not a JSON value")
