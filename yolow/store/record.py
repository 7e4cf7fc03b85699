"""The record of a version: what it is, where it came from, and how good it is; and its JSON text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import PurePosixPath
from typing import Any

from yolow.errors import StoreError
from yolow.metrics import Metrics, Profile
from yolow.store.digest import sha256_listing
from yolow.store.reference import is_name
from yolow.store.strict_json import parse_json, read_typed

SCHEMA_VERSION = 1
RECORD_FILE = "record.json"
RECORD_DIGEST_FILE = "record.json.sha256"
# What `Metrics.main` may name.
MAIN_METRICS = ("map50_95", "box_map50_95", "map50", "top1", "top5", "precision", "recall")

_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file of a version.

    Attributes:
        path: relative to the version's folder, with `/` between the parts.
        sha256: digest of the content.
        size_bytes: length of the content.
    """

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class ParentRecord:
    """The weights that a version was made from; the digest names them for ever, whatever the reference means later."""

    reference: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The data set that a version was trained on; `fingerprint` is that of its content."""

    name: str
    path: str
    fingerprint: str
    train_images: int
    val_images: int


@dataclass(frozen=True, kw_only=True)
class VersionDraft:
    """What is known of weights before they get a number; the fields are those of `VersionRecord`."""

    name: str
    operation: str
    task: str
    format: str = "pytorch"
    parent: ParentRecord | None = None
    run: str | None = None
    classes: dict[int, str] = field(default_factory=dict)
    metrics: Metrics | None = None
    baseline: Metrics | None = None
    profile: Profile | None = None
    training: dict[str, Any] | None = None
    data: DataRecord | None = None
    config: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class VersionRecord:
    """Everything that is kept about one version.

    Attributes:
        schema_version: of this record's layout.
        name, number: `solar` and 3 for `solar:v3`.
        created: ISO 8601, UTC, with microseconds.
        operation: what made it: `train`, `finetune`, `quantize`, ….
        task: `detect`, `segment`, `classify`, `pose` or `obb`.
        format: `pytorch` for a `.pt`, else Ultralytics' name of the export format.
        weights: name of the weights file or export folder inside the version's folder.
        sha256: digest of the weights file; of a folder: that of its `sha256sum` listing (`sha256_folder`).
        parent: what it was made from.
        run: name of the run that made it.
        classes: class id -> class name.
        metrics: quality on the data set's validation split.
        baseline: the parent's, measured in the same way.
        profile: cost.
        training: facts of the training run.
        data: the data set.
        config: the resolved run config.
        environment: versions, machine and threads.
        warnings: one sentence each.
        files: every file of the version but the record and the record's digest, by path.
    """

    schema_version: int = SCHEMA_VERSION
    name: str
    number: int
    created: str
    operation: str
    task: str
    format: str = "pytorch"
    weights: str
    sha256: str
    parent: ParentRecord | None
    run: str | None
    classes: dict[int, str]
    metrics: Metrics | None
    baseline: Metrics | None
    profile: Profile | None
    training: dict[str, Any] | None
    data: DataRecord | None
    config: dict[str, Any]
    environment: dict[str, Any]
    warnings: tuple[str, ...]
    files: tuple[FileEntry, ...]

    def to_json_value(self) -> dict[str, Any]:
        """The record as plain dicts, lists, texts and numbers; mappings are sorted, so equal records give equal text.

        Raises:
            StoreError: a value has no place in JSON, such as NaN.
        """
        value = _plain(self, "record")
        assert isinstance(value, dict)
        return value

    def to_json(self) -> str:
        """The text of `record.json`.

        Raises:
            StoreError: see `to_json_value`.
        """
        return json.dumps(self.to_json_value(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, source: str = RECORD_FILE) -> VersionRecord:
        """Read the text of a `record.json`; strict: no missing, unknown or converted values.

        Args:
            text: JSON in UTF-8.
            source: what to call it in errors, e.g. its path.

        Raises:
            StoreError: it is no record, or one of a newer yolow.
        """
        try:
            value = parse_json(text)
        except ValueError as error:
            raise _unreadable(source, [str(error)]) from None
        return cls.from_json_value(value, source=source)

    @classmethod
    def from_json_value(cls, value: Any, *, source: str = RECORD_FILE) -> VersionRecord:
        """As `from_json`, from the values of the JSON text.

        Raises:
            StoreError: see `from_json`.
        """
        require_known_schema(value, source, newest=SCHEMA_VERSION)
        faults: list[str] = []
        record = read_typed(cls, value, faults)
        if record is None:
            raise _unreadable(source, faults)
        faults = _faults(record)
        if faults:
            raise _unreadable(source, faults)
        return record


def is_inner_path(text: str) -> bool:
    """Whether a relative posix path stays inside the folder that it starts from, and is written in one way only."""
    parts = PurePosixPath(text).parts
    return bool(parts) and "/".join(parts) == text and ".." not in parts and not _UNPRINTABLE.search(text)


def weights_digest(weights: str, files: tuple[FileEntry, ...]) -> str:
    """The digest of a version's weights: the file's own, or that of the export folder's listing."""
    inner = {}
    for entry in files:
        if entry.path == weights:
            return entry.sha256
        if entry.path.startswith(f"{weights}/"):
            inner[entry.path.removeprefix(f"{weights}/")] = entry.sha256
    return sha256_listing(inner)


def require_known_schema(value: Any, source: str, *, newest: int) -> None:
    """Look at the `schema_version` of a record before anything else in it.

    Args:
        value: of the JSON text.
        source: what to call it in errors.
        newest: layout that this yolow knows.

    Raises:
        StoreError: there is none, or it is newer.
    """
    version = value.get("schema_version") if isinstance(value, dict) else None
    if type(version) is not int or version < 1:
        raise _unreadable(source, ["it has no schema_version"])
    if version > newest:
        raise StoreError(
            "the record was written by a newer yolow",
            context=[source, f"schema_version {version}, this yolow reads up to {newest}"],
            hint="pip install --upgrade yolow",
        )


def _faults(record: VersionRecord) -> list[str]:
    """What types alone don't rule out; a record may come from a stranger, and its paths are opened."""
    faults = []
    if not is_name(record.name) or record.number < 1:
        faults.append(f"'{record.name}:v{record.number}' is not a version")
    if not is_inner_path(record.weights) or "/" in record.weights:
        faults.append(f"weights: '{record.weights}' is not a name inside the folder")
    for label, metrics in (("metrics", record.metrics), ("baseline", record.baseline)):
        if metrics is not None and metrics.main not in MAIN_METRICS:
            faults.append(f"{label}.main: '{metrics.main}' is not a metric")
    digest = None if record.parent is None else record.parent.sha256
    if digest is not None and not _DIGEST.fullmatch(digest):
        faults.append("parent.sha256: is no digest")
    paths = [entry.path for entry in record.files]
    faults += [
        f"files: '{path}' is not a path inside the folder" for path in paths if not is_inner_path(path)
    ]
    faults += [
        f"files: '{entry.path}' has no sha256 or size"
        for entry in record.files
        if not _DIGEST.fullmatch(entry.sha256) or entry.size_bytes < 0
    ]
    if len(set(paths)) != len(paths):
        faults.append("files: a path is listed twice")
    if not any(path == record.weights or path.startswith(f"{record.weights}/") for path in paths):
        faults.append(f"files: the weights '{record.weights}' are not listed")
    elif record.sha256 != weights_digest(record.weights, record.files):
        faults.append("sha256: differs from the files that it stands for")
    return faults


def _plain(value: Any, where: str) -> Any:
    if is_dataclass(value):
        return {
            item.name: _plain(getattr(value, item.name), f"{where}.{item.name}") for item in fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key], f"{where}.{key}") for key in sorted(value, key=_key_order)}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise StoreError("the record would hold a number that is not finite", context=[f"{where}: {value}"])
    if isinstance(value, str):
        # A path that is not UTF-8 reaches Python as lone surrogates, which no JSON reader takes.
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise StoreError(
        "the record would hold a value that JSON can't", context=[f"{where}: {type(value).__name__}"]
    )


def _key_order(key: Any) -> tuple[bool, int, str]:
    """Class ids by number, all other keys by text."""
    return (False, key, "") if isinstance(key, int) else (True, 0, str(key))


def _unreadable(source: str, reasons: list[str]) -> StoreError:
    return StoreError("the record can't be read", context=[source, *reasons])
