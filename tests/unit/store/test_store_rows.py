"""Rows say what records say, and are read without reading more than the records."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from store_samples import BARE, DRAFT, METRICS, add, add_export

from yolow.errors import StoreError
from yolow.metrics import Metrics
from yolow.store.integrity import record_digest_text
from yolow.store.record import RECORD_DIGEST_FILE, RECORD_FILE
from yolow.store.rows import VersionRow, read_rows
from yolow.store.store import Store, WeightsVersion


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "weights")


def _edit(version: WeightsVersion, *, sealed: bool = True, **changes: Any) -> Path:
    """Change values of a record by hand; `sealed`: with the digest that belongs to it."""
    path = version.folder / RECORD_FILE
    text = json.dumps({**json.loads(path.read_bytes()), **changes}).encode()
    contents = {RECORD_FILE: text}
    if sealed:
        contents[RECORD_DIGEST_FILE] = record_digest_text(text).encode()
    for name, content in contents.items():
        (version.folder / name).chmod(0o644)
        (version.folder / name).write_bytes(content)
    return path


def _row_by_record(version: WeightsVersion) -> VersionRow:
    record = version.record
    metrics, parent = record.metrics, record.parent
    return VersionRow(
        reference=version.reference,
        name=version.name,
        number=version.number,
        created=record.created,
        operation=record.operation,
        task=record.task,
        format=record.format,
        sha256=record.sha256,
        run=record.run,
        parent=parent.reference if parent else None,
        parent_sha256=parent.sha256 if parent else None,
        main_metric=metrics.main if metrics else None,
        main_value=metrics.main_value if metrics else None,
        baseline_value=getattr(record.baseline, metrics.main) if metrics and record.baseline else None,
        size_bytes=record.profile.size_bytes if record.profile else None,
        latency_ms=record.profile.latency_ms if record.profile else None,
        data=record.data.fingerprint if record.data else None,
    )


def test_a_row_is_what_the_record_says(store: Store, tmp_path: Path) -> None:
    assert DRAFT.profile is not None
    top1 = Metrics(split="val", images=9, top1=0.75, top5=0.99, main="top1")
    versions = [
        add(store, tmp_path),
        add(store, tmp_path, **BARE),
        add(store, tmp_path, name="birds", task="classify", metrics=top1, baseline=replace(top1, top1=None)),
        add_export(store, tmp_path, profile=replace(DRAFT.profile, latency_ms=None)),
        add(store, tmp_path, metrics=replace(METRICS, map50_95=0)),
    ]
    assert store.rows() == [_row_by_record(version) for version in reversed(versions)]
    assert store.rows("birds") == [_row_by_record(versions[2])]
    assert store.rows("nothing") == []
    assert store.rows("../weights/solar") == []


def test_rows_of_records_that_name_a_text(store: Store, tmp_path: Path) -> None:
    one, two = add(store, tmp_path, content=b"1"), add(store, tmp_path, content=b"2")
    found = read_rows(store.root, containing=two.record.sha256)
    assert [row.reference for row in found] == [two.reference]
    (one.folder / RECORD_FILE).chmod(0o644)
    (one.folder / RECORD_FILE).write_text("{")
    assert read_rows(store.root, containing=two.record.sha256) == found, "the others are not parsed"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"parent": "yolo26n.pt"}, "parent: expected an object, found a text"),
        ({"metrics": "good"}, "metrics: expected an object, found a text"),
        ({"profile": []}, "profile: expected an object, found a list"),
        ({"operation": 3}, "operation: expected a text, found a whole number"),
        ({"number": True}, "number: expected a whole number, found true or false"),
        ({"metrics": {"split": "val", "images": 1, "map50_95": "0.4"}}, "metrics.map50_95: expected a number"),
        ({"metrics": {"split": "val", "images": 1, "main": "beauty"}}, "metrics.main: 'beauty' is not a metric"),
        ({"number": 2}, "the record of solar:v2"),
        ({"name": "birds"}, "the record of birds:v1"),
    ],
)  # fmt: skip
def test_a_hand_edited_record_is_a_problem(
    store: Store, tmp_path: Path, changes: dict[str, Any], fault: str
) -> None:
    path = _edit(add(store, tmp_path), **changes)
    good = add(store, tmp_path)
    problems: list[str] = []
    assert [row.reference for row in store.rows(problems=problems)] == [good.reference]
    assert len(problems) == 1
    assert problems[0].startswith("solar:v1: the record ")
    assert str(path) in problems[0]
    assert fault in problems[0]
    for read in (store.rows, lambda: store.get("solar", 1)):
        with pytest.raises(StoreError) as caught:
            read()
        assert fault in "; ".join(caught.value.context)


def test_numbers_that_are_too_large_are_a_problem(store: Store, tmp_path: Path) -> None:
    version = add(store, tmp_path)
    assert version.record.profile is not None
    path = _edit(version, profile={**vars(version.record.profile), "size_bytes": 10**400})
    problems: list[str] = []
    assert store.rows(problems=problems) == []
    assert problems == [
        f"solar:v1: the record can't be read: {path}; profile.size_bytes: the number is too large"
    ]


def test_a_value_that_may_be_left_out(store: Store, tmp_path: Path) -> None:
    version = add(store, tmp_path)
    path = version.folder / RECORD_FILE
    value = json.loads(path.read_bytes())
    del value["format"]
    path.chmod(0o644)
    path.write_text(json.dumps(value))
    assert [row.format for row in store.rows()] == ["pytorch"]


def test_a_record_of_a_newer_yolow_is_told_from_a_damaged_one(store: Store, tmp_path: Path) -> None:
    version = add(store, tmp_path)
    path = _edit(version, schema_version=7, colour="blue")
    before = path.read_bytes()
    problems: list[str] = []
    assert store.rows(problems=problems) == []
    assert problems == [
        f"solar:v1: the record was written by a newer yolow: {path}; schema_version 7, this yolow reads up to 1"
    ]
    with pytest.raises(StoreError) as caught:
        store.get("solar", 1)
    assert caught.value.hint == "pip install --upgrade yolow"
    assert add(store, tmp_path).number == 2, "its number is taken"
    assert path.read_bytes() == before

    _edit(store.get("solar", 2), sealed=False, schema_version=7)
    with pytest.raises(StoreError) as caught:
        store.get("solar", 2)
    assert caught.value.message == "the record can't be read"
    assert (
        caught.value.note == "it was changed or damaged after the version was made: its digest is another one"
    )
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("yolow weights verify solar:v2")


def test_what_is_no_version_is_no_row(store: Store, tmp_path: Path) -> None:
    version = add(store, tmp_path)
    for name in ("v0", "v01", "v1x", "1", "V2", "v2.removed"):
        shutil.copytree(version.folder, version.folder.parent / name)
    shutil.copytree(version.folder.parent, store.root / ".hidden")
    (store.root / "solar" / "v3").symlink_to(tmp_path / "nowhere")
    assert [row.reference for row in store.rows()] == ["solar:v1"]


def test_links_to_versions_are_listed_but_never_loaded(store: Store, tmp_path: Path) -> None:
    version = add(store, tmp_path)
    moved = version.folder.rename(tmp_path / "elsewhere")
    version.folder.symlink_to(moved)
    assert [row.reference for row in store.rows()] == ["solar:v1"]
    assert store.verify(store.get("solar", 1))[0] == ".: expected a folder, found symbolic link"


@pytest.mark.parametrize("kind", ["pipe", "folder", "missing"])
def test_something_else_in_a_record_s_place(store: Store, tmp_path: Path, kind: str) -> None:
    path = add(store, tmp_path).folder / RECORD_FILE
    path.unlink()
    if kind == "pipe":
        import os

        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    problems: list[str] = []
    assert store.rows(problems=problems) == []
    [problem] = problems
    assert problem.startswith(f"solar:v1: the record can't be read: {path}: ")
