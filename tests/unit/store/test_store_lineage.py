"""Lineages go up to the origin, by the reference while it holds and by the digest when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_samples import add, write

from yolow.store.record import ParentRecord
from yolow.store.store import Store, WeightsVersion

OFFICIAL = ParentRecord(reference="yolo26n.pt", sha256="9b" * 32)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "weights")


def _add(store: Store, folder: Path, parent: ParentRecord | None, name: str = "solar") -> WeightsVersion:
    content = f"{len(list(store.root.glob('*/v*')))}".encode()
    return add(store, folder, content=content, parent=parent, name=name)


def _child(store: Store, folder: Path, version: WeightsVersion, name: str = "solar") -> WeightsVersion:
    return _add(
        store, folder, ParentRecord(reference=version.reference, sha256=version.record.sha256), name=name
    )


def _line(store: Store, version: WeightsVersion) -> list[tuple[str, str]]:
    steps = store.lineage(version)
    assert (steps[0].version, steps[0].state) == (version, "present")
    return [(step.reference, step.state) for step in steps]


def test_up_to_the_origin_over_names(store: Store, tmp_path: Path) -> None:
    one = _add(store, tmp_path, OFFICIAL)
    two = _child(store, tmp_path, one)
    three = _child(store, tmp_path, two, name="roofs")
    assert _line(store, three) == [
        ("roofs:v1", "present"), ("solar:v2", "present"), ("solar:v1", "present"), ("yolo26n.pt", "outside"),
    ]  # fmt: skip
    assert store.lineage(three)[-1].sha256 == OFFICIAL.sha256
    assert store.lineage(three)[1].version == two


def test_weights_without_a_parent_are_the_origin(store: Store, tmp_path: Path) -> None:
    assert _line(store, _add(store, tmp_path, None)) == [("solar:v1", "present")]


def test_a_removed_parent_is_named_and_the_line_goes_on(store: Store, tmp_path: Path) -> None:
    one = _add(store, tmp_path, OFFICIAL)
    two = _child(store, tmp_path, one)
    three = _child(store, tmp_path, two)
    store.remove(two, reason="wrong labels", force=True)
    assert _line(store, three) == [
        ("solar:v3", "present"), ("solar:v2", "removed"), ("solar:v1", "present"), ("yolo26n.pt", "outside"),
    ]  # fmt: skip
    removed = store.lineage(three)[1]
    assert removed.tombstone is not None
    assert (removed.tombstone.reason, removed.sha256) == ("wrong labels", two.record.sha256)


@pytest.mark.parametrize("reference", ["/home/ada/best.pt", "best.pt", "sha256:0123abcd", "gone:v7", "a b"])
def test_a_parent_is_found_by_its_digest(store: Store, tmp_path: Path, reference: str) -> None:
    """The file was imported, or the version pulled under another name, after the child was made."""
    one = _add(store, tmp_path, None)
    two = _add(store, tmp_path, ParentRecord(reference=reference, sha256=one.record.sha256), name="roofs")
    assert _line(store, two) == [("roofs:v1", "present"), ("solar:v1", "present")]


@pytest.mark.parametrize(
    ("parent", "state"),
    [
        (ParentRecord(reference="/home/ada/best.pt", sha256="ab" * 32), "outside"),
        (ParentRecord(reference="/home/ada/best.pt"), "outside"),
        (ParentRecord(reference="yolo26n.yaml"), "outside"),
        (ParentRecord(reference="not: a reference\n"), "outside"),
        (ParentRecord(reference="gone:v7", sha256="ab" * 32), "missing"),
        (ParentRecord(reference="gone:v7"), "missing"),
    ],
)
def test_a_parent_that_is_nowhere(store: Store, tmp_path: Path, parent: ParentRecord, state: str) -> None:
    step = store.lineage(_add(store, tmp_path, parent))[1]
    assert (step.reference, step.sha256, step.state) == (parent.reference, parent.sha256, state)
    assert (step.version, step.tombstone, step.problem) == (None, None, "")


def test_another_version_of_the_number_is_not_the_parent(store: Store, tmp_path: Path) -> None:
    _add(store, tmp_path, OFFICIAL)
    child = _add(store, tmp_path, ParentRecord(reference="solar:v1", sha256="ab" * 32))
    assert _line(store, child) == [("solar:v2", "present"), ("solar:v1", "missing")]


def test_an_unreadable_parent_is_missing_and_why_is_said(store: Store, tmp_path: Path) -> None:
    one = _add(store, tmp_path, OFFICIAL)
    two = _child(store, tmp_path, one)
    (one.folder / "record.json").chmod(0o644)
    (one.folder / "record.json").write_text("{")
    step = store.lineage(two)[1]
    assert (step.reference, step.state) == ("solar:v1", "missing")
    assert step.problem.startswith(f"the record can't be read: {one.folder / 'record.json'}; ")


def test_an_unreadable_tombstone_is_said_too(store: Store, tmp_path: Path) -> None:
    one = _add(store, tmp_path, OFFICIAL)
    two = _child(store, tmp_path, one)
    store.remove(one, reason="", force=True)
    write(store.root / "solar" / "v1.removed", "{")
    step = store.lineage(two)[1]
    assert step.state == "missing"
    assert step.problem.startswith("the note of a removal can't be read: ")


def test_records_that_name_each_other_end(store: Store, tmp_path: Path) -> None:
    _add(store, tmp_path, ParentRecord(reference="solar:v2"))
    two = _add(store, tmp_path, ParentRecord(reference="solar:v1"))
    assert _line(store, two) == [("solar:v2", "present"), ("solar:v1", "present")]
    itself = _add(store, tmp_path, ParentRecord(reference="solar:v3"))
    assert _line(store, itself) == [("solar:v3", "present")]


def test_a_long_line_is_followed_without_looking_at_others(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = _add(store, tmp_path, OFFICIAL)
    for _ in range(30):
        version = _child(store, tmp_path, version)
    monkeypatch.setattr("yolow.store.lineage.read_rows", None)
    assert len(store.lineage(version)) == 32
