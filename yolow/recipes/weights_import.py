"""`yolow weights import`: a checkpoint or an export from elsewhere becomes a version, with what it tells of itself."""

from __future__ import annotations

import errno
import math
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolow import __version__
from yolow.checkpoint.open import open_contents
from yolow.checkpoint.summary import read_checkpoint
from yolow.errors import IntegrityError, ResourceError, UsageError, WeightsError
from yolow.metrics import Profile
from yolow.recipes.session import Session
from yolow.recipes.weights_of import TASKS
from yolow.report.markdown import render_markdown
from yolow.run_report import ParentSummary, RunReport
from yolow.store.record import ParentRecord
from yolow.store.reference import valid_name
from yolow.store.resolve import CACHE_VARIABLE, ResolvedWeights, resolve_weights
from yolow.store.staging import copy_into
from yolow.store.store import VersionDraft, WeightsVersion

OPERATION = "import"
_DEFAULT_IMGSZ = 640
# Suffix of the file or folder -> how Ultralytics calls the format, what runs it, and the suffix that it looks for.
_FORMATS = {
    ".pt": ("pytorch", "torch", ".pt"),
    ".pth": ("pytorch", "torch", ".pt"),
    ".onnx": ("onnx", "onnxruntime", ".onnx"),
    ".tflite": ("tflite", "tflite", ".tflite"),
    "_openvino_model": ("openvino", "openvino", "_openvino_model"),
    "_ncnn_model": ("ncnn", "ncnn", "_ncnn_model"),
}
_FOLDERS = tuple(suffix for suffix in _FORMATS if not suffix.startswith("."))
_TOLD = ("architecture", "imgsz", "version", "date", "license", "train_args", "train_metrics", "export_args")


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """What weights from elsewhere tell of themselves.

    Attributes:
        task: `detect`, `segment`, `classify`, `pose` or `obb`.
        classes: class id -> class name.
        parameters: values that training can change.
        precision: the type that most of them have.
        facts: what else the file says: training arguments, dates, versions, its own claim of its metrics.
    """

    task: str
    classes: dict[int, str]
    parameters: int
    precision: str
    facts: dict[str, Any]


def import_weights(source: str, session: Session, *, name: str, parent: str | None = None) -> RunReport:
    """Make a version of weights from elsewhere, after the static check of a private copy.

    Bytes that a version of this name has already are not added again: the report names that version. Where a version
    of another name has them, the new one has the same parent.

    Args:
        source: a path, or an official name such as `yolo26n.pt`.
        name: of the version.
        parent: reference of the weights that it was made from, where known.

    Raises:
        ConfigError: the name can't be one.
        UsageError: the source is a version already.
        WeightsRefusedError, WeightsError, MissingExtraError: see `read_checkpoint` and `open_contents`.
        WeightsNotFoundError, NetworkError, StoreError: see `resolve_weights` and `Store.add`.
    """
    valid_name(name)
    resolved = _resolve(source, session)
    if resolved.version is not None:
        raise UsageError(
            f"'{source}' is a version already",
            context=[f"version: {resolved.version.reference}"],
            hint=f"yolow weights show {resolved.version.reference}",
        )
    ancestor = None
    if parent is not None:
        found = _resolve(parent, session)
        ancestor = ParentRecord(reference=found.reference, sha256=found.sha256)
    notes = list(resolved.notes)
    twin = _same_bytes(resolved.sha256, name, session)
    if twin is not None and twin.name == name:
        notes.append(f"the same bytes are {twin.reference} already, so nothing was added")
        return _report(twin, warnings=tuple(notes), added=False)
    if twin is not None:
        notes.append(f"the same bytes are {twin.reference} too")
        ancestor = ancestor or twin.record.parent
    with session.scratch() as folder:
        copy = _private_copy(resolved.path, folder)
        session.progress.phase("check", resolved.path.name)
        draft = _draft(copy, source=resolved.path.name, name=name, parent=ancestor, notes=notes)
        session.progress.phase("publish", name)
        version = session.store.add(
            draft,
            weights=copy,
            suffix=_format_of(copy)[2],
            finish=lambda staging, ref: _card(staging, ref, draft),
        )
    return _report(version, warnings=version.record.warnings, added=True)


def read_foreign(path: Path) -> Foreign:
    """What a checkpoint or an export says, read without executing it.

    Raises:
        WeightsRefusedError: it names code that weights have no use for.
        WeightsError: it is damaged, or of a task that yolow does not handle.
        MissingExtraError: its format needs an optional part of yolow.
    """
    if path.suffix in {".pt", ".pth"}:
        summary = read_checkpoint(path)
        task, classes, dtypes = summary.task, summary.names, Counter(summary.dtypes)
        facts = {key: getattr(summary, key, None) for key in _TOLD}
    else:
        contents = open_contents(path)
        task, facts = contents.facts.get("task"), contents.facts
        classes = {int(key): str(text) for key, text in (facts.get("names") or {}).items()}
        dtypes = Counter()
        for entry in contents.entries:
            if entry.role != "buffer" and entry.shared_with is None:
                dtypes[entry.dtype] += entry.values
        facts = {key: facts[key] for key in _TOLD if key in facts}
    if task not in TASKS:
        raise WeightsError(
            "the weights are of no supported task",
            context=[f"{path.name}: {task or 'it does not say'}"],
            note=f"supported: {', '.join(TASKS)}",
        )
    return Foreign(
        task=task,
        classes=classes,
        parameters=sum(dtypes.values()),
        precision=dtypes.most_common(1)[0][0] if dtypes else "float32",
        facts={key: _finite(value) for key, value in facts.items() if value not in (None, {}, [])},
    )


def _resolve(reference: str, session: Session) -> ResolvedWeights:
    return resolve_weights(
        reference,
        store=session.store,
        offline=session.offline,
        cache_dir=session.cache_dir,
        progress=session.progress,
    )


def _same_bytes(sha256: str, name: str, session: Session) -> WeightsVersion | None:
    """The intact version that has these weights, of this name rather than of another."""
    rows = [row for row in session.store.rows(problems=[]) if row.sha256 == sha256]
    for row in sorted(rows, key=lambda one: one.name != name):
        version = session.store.get(row.name, row.number)
        try:
            session.store.check(version)
        except IntegrityError:
            continue
        return version
    return None


def _private_copy(path: Path, folder: Path) -> Path:
    """A copy that nobody else writes to, so that what is checked is what is kept."""
    _format_of(path)
    try:
        odd = [str(one) for one in sorted(path.rglob("*")) if not _is_plain(one)]  # none below a file
        if odd:
            raise WeightsError("an export can't have links or special files in it", context=odd)
        copy_into(folder, path, path.name)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ResourceError(
                "the disk is full: the weights can't be copied to be checked",
                context=[f"{folder.parent}: {error.strerror}"],
                hint=f"free some space, or choose another disk: export {CACHE_VARIABLE}=FOLDER",
            ) from error
        raise WeightsError("the weights can't be read", context=[f"{path}: {error}"]) from error
    return folder / path.name


def _is_plain(path: Path) -> bool:
    return not path.is_symlink() and (path.is_file() or path.is_dir())


def _format_of(path: Path) -> tuple[str, str, str]:
    for suffix, known in _FORMATS.items():
        if path.name.endswith(suffix):
            return known
    folder = path.parent
    raise WeightsError(
        "weights of this format can't become a version",
        context=[str(path)],
        note=f"Ultralytics loads the format by the end of the name; known: {', '.join(_FORMATS)}",
        hint=f"import the whole export: {shlex.quote(str(folder))}"
        if folder.name.endswith(_FOLDERS)
        else None,
    )


def _draft(
    copy: Path, *, source: str, name: str, parent: ParentRecord | None, notes: Sequence[str]
) -> VersionDraft:
    foreign = read_foreign(copy)
    format_name, runtime, _ = _format_of(copy)
    imgsz = foreign.facts.get("imgsz")
    files = [copy] if copy.is_file() else [path for path in copy.rglob("*") if path.is_file()]
    warnings = list(notes)
    if claimed := foreign.facts.get("train_metrics"):
        shown = ", ".join(
            f"{key} {value:.4g}" for key, value in claimed.items() if key.startswith("metrics/")
        )
        warnings.append(f"nothing was measured; the file's own claim: {shown or 'losses only'}")
    return VersionDraft(
        name=name,
        operation=OPERATION,
        task=foreign.task,
        format=format_name,
        parent=parent,
        classes=foreign.classes,
        profile=Profile(
            parameters=foreign.parameters,
            gflops=None,
            size_bytes=sum(path.stat().st_size for path in files),
            imgsz=imgsz if type(imgsz) is int else _DEFAULT_IMGSZ,
            runtime=runtime,
            precision=foreign.precision,
        ),
        training={"source": source, **foreign.facts},
        environment={"yolow": __version__},
        warnings=tuple(warnings),
    )


def _card(staging: Path, reference: str, draft: VersionDraft) -> None:
    """The `report.md` that every version has."""
    report = RunReport(
        command="weights import",
        version=reference,
        task=draft.task,
        profile=draft.profile,
        warnings=draft.warnings,
    )
    (staging / "report.md").write_text(render_markdown(report), encoding="utf-8")


def _report(version: WeightsVersion, *, warnings: tuple[str, ...], added: bool) -> RunReport:
    record = version.record
    parent = record.parent
    return RunReport(
        command="weights import",
        version=version.reference,
        path=str(version.weights_path),
        task=record.task,
        parent=ParentSummary(reference=parent.reference, sha256=parent.sha256) if parent else None,
        profile=record.profile,
        training=record.training,
        warnings=warnings,
        details={
            "added": added,
            "sha256": record.sha256,
            "format": record.format,
            "classes": {str(key): text for key, text in record.classes.items()},
        },
    )


def _finite(value: Any) -> Any:
    """The value with numbers that no JSON holds as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
