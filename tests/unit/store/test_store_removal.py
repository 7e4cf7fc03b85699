"""Removal leaves a tombstone and nothing that somebody needs is removed; and no kill leaves a version half there."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from killed import kills
from store_samples import add, add_export, write

from yolow.errors import ConflictError, StoreError, UsageError, WeightsNotFoundError
from yolow.store.clean_up import plan_removal
from yolow.store.record import ParentRecord
from yolow.store.store import Store, WeightsVersion


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "weights")


def _add(
    store: Store, folder: Path, parent: WeightsVersion | None = None, **changes: object
) -> WeightsVersion:
    """A version with weights of its own."""
    above = ParentRecord(reference=parent.reference, sha256=parent.record.sha256) if parent else None
    content = f"{len(list(store.root.glob('*/v*')))}".encode()
    return add(store, folder, content=content, **{"parent": above, **changes})


def _tombstone(store: Store, number: int) -> Path:
    return store.root / "solar" / f"v{number}.removed"


def _promote(store: Store, number: int) -> None:
    store.change_alias("solar", "production", lambda holder: store.get("solar", number), reason="")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_removed_version_leaves_its_record(store: Store, tmp_path: Path, kind: str) -> None:
    version = _add(store, tmp_path) if kind == "file" else add_export(store, tmp_path)
    tombstone = store.remove(version, reason="wrong labels")
    assert (tombstone.record, tombstone.reason) == (version.record, "wrong labels")
    assert store.tombstones("solar") == (tombstone,)
    assert not version.folder.exists()
    assert (store.names(), store.numbers("solar"), store.rows()) == ([], [], [])
    assert list((store.root / ".staging").iterdir()) == []
    with pytest.raises(WeightsNotFoundError) as caught:
        store.get("solar", 1)
    assert caught.value.message == f"solar:v1 was removed on {tombstone.removed[:10]}"
    assert caught.value.context == (f"store: {store.root}", "reason: wrong labels")
    assert caught.value.hint == "yolow weights log solar"


def test_a_number_is_never_given_again(store: Store, tmp_path: Path) -> None:
    store.remove(_add(store, tmp_path), reason="")
    (store.root / "solar" / "last_number").unlink()
    assert _add(store, tmp_path).number == 2
    with pytest.raises(WeightsNotFoundError) as caught:
        store.get("solar", 1)
    assert caught.value.context[1] == "reason: none was given"


def test_what_is_in_use_is_refused(store: Store, tmp_path: Path) -> None:
    parent = _add(store, tmp_path)
    child = _add(store, tmp_path, parent)
    renamed = _add(store, tmp_path, parent, name="birds")
    _promote(store, 1)
    with pytest.raises(ConflictError) as caught:
        store.remove(parent, reason="")
    assert caught.value.message == "solar:v1 is still in use"
    assert set(caught.value.context) == {
        "alias: solar:production", f"made from it: {child.reference}", f"made from it: {renamed.reference}",
    }  # fmt: skip
    assert caught.value.hint == "yolow weights rm solar:v1 --force"
    assert store.verify(parent) == []
    assert not _tombstone(store, 1).exists()


def test_force_drops_the_aliases(store: Store, tmp_path: Path) -> None:
    parent = _add(store, tmp_path)
    child = _add(store, tmp_path, parent)
    _promote(store, 1)
    store.remove(parent, reason="", force=True)
    assert store.aliases("solar") == {}
    assert store.alias_history("solar", "production")[-1].reason == "solar:v1 was removed"
    assert store.verify(child) == []
    assert [step.state for step in store.lineage(child)] == ["present", "removed"]


def test_a_version_is_removed_once(store: Store, tmp_path: Path) -> None:
    version = _add(store, tmp_path)
    store.remove(version, reason="first")
    with pytest.raises(WeightsNotFoundError, match="solar:v1 was removed"):
        store.remove(version, reason="second")
    assert store.tombstones("solar")[0].reason == "first"


def test_only_the_link_is_removed_where_a_version_is_a_link(store: Store, tmp_path: Path) -> None:
    version = _add(store, tmp_path)
    moved = version.folder.rename(tmp_path / "elsewhere")
    version.folder.symlink_to(moved)
    store.remove(version, reason="")
    assert not version.folder.is_symlink()
    assert sorted(path.name for path in moved.iterdir())[-1] == "solar-v1.pt"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the note of a removal can't be read"),
        ("[]", "the record can't be read"),
        ('{"schema_version": 9}', "the record was written by a newer yolow"),
        ('{"schema_version": 1, "removed": 3}', "the note of a removal can't be read"),
        ("another version's", "the note of a removal can't be read"),
    ],
)
def test_a_damaged_tombstone_is_an_error(store: Store, tmp_path: Path, text: str, message: str) -> None:
    store.remove(_add(store, tmp_path), reason="")
    store.remove(_add(store, tmp_path), reason="")
    kept = store.tombstones("solar")[1]
    write(_tombstone(store, 1), _tombstone(store, 2).read_bytes() if text.startswith("another") else text)
    for read in (lambda: store.get("solar", 1), lambda: store.tombstones("solar")):
        with pytest.raises(StoreError) as caught:
            read()
        assert caught.value.message == message
        assert caught.value.context[0].startswith(str(_tombstone(store, 1)))
    problems: list[str] = []
    assert store.tombstones("solar", problems) == (kept,)
    assert len(problems) == 1
    assert problems[0].startswith(f"solar:v1: {message}: {_tombstone(store, 1)}")


def test_tombstones_outside_the_store_are_not_looked_for(store: Store, tmp_path: Path) -> None:
    store.remove(_add(store, tmp_path), reason="")
    other = Store(store.root / "solar")
    assert other.tombstones("../solar") == ()
    assert other.alias_history("../solar") == ()


def test_the_plan_keeps_what_is_needed(store: Store, tmp_path: Path) -> None:
    """v1 <- v2 <- v3, v1 <- v4, v5, v6; v3 is in production; the newest is kept."""
    one = _add(store, tmp_path)
    two = _add(store, tmp_path, one)
    _add(store, tmp_path, two)
    four = _add(store, tmp_path, one)
    five = _add(store, tmp_path)
    _add(store, tmp_path)
    _promote(store, 3)
    plan = plan_removal(store, keep_newest=1)
    assert dict(plan.kept) == {
        "solar:v6": "among the newest 1 of solar",
        "solar:v3": "alias production",
        "solar:v2": "ancestor of solar:v3",
        "solar:v1": "ancestor of solar:v3",
    }
    assert list(plan.removed) == [five, four]
    assert plan.size_bytes == sum(entry.size_bytes for gone in (four, five) for entry in gone.record.files)
    for version in plan.removed:
        store.remove(version, reason="gc")
    again = plan_removal(store, keep_newest=1)
    assert (len(again.kept), again.removed, again.size_bytes) == (4, (), 0)


def test_the_plan_sees_ancestors_over_a_removed_version(store: Store, tmp_path: Path) -> None:
    one = _add(store, tmp_path)
    two = _add(store, tmp_path, one)
    _add(store, tmp_path, two)
    store.remove(two, reason="", force=True)
    assert dict(plan_removal(store, keep_newest=1).kept)["solar:v1"] == "ancestor of solar:v3"


def test_the_plan_goes_from_child_to_parent(store: Store, tmp_path: Path) -> None:
    version: WeightsVersion | None = None
    for _ in range(5):
        version = _add(store, tmp_path, version)
    _add(store, tmp_path)
    plan = plan_removal(store, keep_newest=1)
    assert [version.number for version in plan.removed] == [5, 4, 3, 2, 1]
    for version in plan.removed:
        store.remove(version, reason="gc")


def test_the_plan_keeps_what_can_not_be_read(store: Store, tmp_path: Path) -> None:
    damaged = _add(store, tmp_path)
    _add(store, tmp_path)
    path = damaged.folder / "record.json"
    path.chmod(0o644)
    path.write_text("{")
    plan = plan_removal(store, keep_newest=1)
    assert dict(plan.kept)["solar:v1"] == "its record can't be read"
    assert plan.removed == ()


def test_a_plan_that_keeps_nothing_is_refused(store: Store) -> None:
    with pytest.raises(UsageError) as caught:
        plan_removal(store, keep_newest=0)
    assert caught.value.hint == "yolow weights gc --keep 1"


def _remove_all(root: Path, worker: int) -> int:
    store, removed = Store(root), 0
    for number in store.numbers("solar"):
        try:
            store.remove(store.get("solar", number), reason=str(worker))
            removed += 1
        except WeightsNotFoundError:
            continue
    return removed


def test_many_remove_each_version_once(store: Store, tmp_path: Path) -> None:
    for _ in range(20):
        _add(store, tmp_path)
    with ProcessPoolExecutor(4) as pool:
        assert sum(pool.map(_remove_all, [store.root] * 4, range(4))) == 20
    assert [tombstone.record.number for tombstone in store.tombstones("solar")] == list(range(1, 21))
    assert list((store.root / ".staging").iterdir()) == []


def test_a_kill_at_any_step_leaves_the_version_or_its_tombstone(store: Store, tmp_path: Path) -> None:
    version = _add(store, tmp_path)
    _promote(store, 1)
    seen = []
    for _ in kills(lambda: store.numbers("solar") and store.remove(version, reason="x", force=True)):
        gone = [tombstone.record for tombstone in store.tombstones("solar")]
        seen.append(store.numbers("solar") == [])
        assert gone == ([version.record] if seen[-1] else []), "both or neither"
        assert seen[-1] or store.verify(version) == []
    assert len(seen) > 5
    assert seen.count(True) == 1, "after the rename nothing is left to do again"
    assert _add(store, tmp_path).number == 2
    assert list((store.root / ".staging").iterdir()) == [], "the next writer sweeps"


def test_a_tombstone_beside_its_version_says_nothing(store: Store, tmp_path: Path) -> None:
    """What a kill between the two steps leaves."""
    version = _add(store, tmp_path)
    value = {"schema_version": 1, "removed": "now", "reason": "", "record": version.record.to_json_value()}
    write(_tombstone(store, 1), json.dumps(value))
    assert store.get("solar", 1) == version
    assert store.tombstones("solar") == ()
    tombstone = store.remove(version, reason="at last")
    assert store.tombstones("solar") == (tombstone,)
