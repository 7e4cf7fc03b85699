"""`weights rm`, `weights gc` and `weights note`: a plan by default, nothing that is needed, and a trace of what was."""

from __future__ import annotations

from pathlib import Path

from harness import Yolow
from managed_store import add_version, child_of, tree

from yolow.store.store import Store

ROOT = Path("weights")


def test_rm_shows_the_plan_and_changes_nothing(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT)
    before = tree(ROOT)
    finished = run_yolow("weights", "rm", "solar:v1", cwd=workdir)
    assert finished.code == 0
    lines = finished.out.splitlines()
    assert lines[0] == "would remove 1 version, 0.0 MB; nothing was changed"
    assert lines[3].split()[:2] == ["solar:v1", "finetune"]
    assert lines[-1] == "next  yolow weights rm solar:v1 --yes"
    assert tree(ROOT) == before


def test_rm_leaves_a_tombstone_and_the_number_is_never_given_again(run_yolow: Yolow, workdir: Path) -> None:
    version = add_version(ROOT)
    add_version(ROOT)
    finished = run_yolow(
        "weights", "rm", "solar:v1", "solar:v2", "--yes", "--reason", "wrong labels", cwd=workdir
    )
    assert (finished.code, finished.out.splitlines()[0]) == (0, "removed 2 versions, 0.0 MB")
    store = Store(ROOT)
    assert not version.folder.exists()
    tombstone = store.tombstones("solar")[0]
    assert (tombstone.record, tombstone.reason) == (version.record, "wrong labels")
    gone = run_yolow("weights", "verify", "solar:v1", cwd=workdir)
    assert gone.code == 2
    assert "wrong labels" in gone.err
    assert add_version(ROOT).number == 3


def test_rm_refuses_what_is_in_use(run_yolow: Yolow, workdir: Path) -> None:
    parent = add_version(ROOT)
    add_version(ROOT, parent=child_of(parent))
    run_yolow("weights", "promote", "solar:v2", "production", cwd=workdir)
    before = tree(ROOT)
    finished = run_yolow("weights", "rm", "solar:v1", "solar:v2", "--yes", cwd=workdir)
    assert finished.code == 1
    assert finished.err.splitlines() == [
        "error: versions are still in use",
        "  solar:v2: alias: solar:production",
        "note: removing them drops these aliases and leaves what was made from them without its parent's weights",
        "hint: yolow weights rm solar:v1 solar:v2 --force",
    ]
    alone = run_yolow("weights", "rm", "solar:v1", "--yes", "--json", cwd=workdir)
    assert alone.document["error"]["context"] == ["solar:v1: made from it: solar:v2"]
    assert tree(ROOT) == before


def test_rm_takes_a_whole_line_of_descent(run_yolow: Yolow, workdir: Path) -> None:
    parent = add_version(ROOT)
    add_version(ROOT, parent=child_of(parent))
    finished = run_yolow("weights", "rm", "solar:v1", "solar:v2", "--yes", "--json", cwd=workdir)
    assert finished.code == 0, finished.err
    assert [row["reference"] for row in finished.document["removed"]] == ["solar:v2", "solar:v1"]
    assert Store(ROOT).numbers("solar") == []


def test_force_drops_aliases_and_keeps_the_lineage_known(run_yolow: Yolow, workdir: Path) -> None:
    parent = add_version(ROOT)
    add_version(ROOT, parent=child_of(parent))
    run_yolow("weights", "promote", "solar:v1", "production", cwd=workdir)
    plan = run_yolow("weights", "rm", "solar:v1", "--force", cwd=workdir)
    assert "alias: solar:production; made from it: solar:v2" in plan.out
    assert plan.out.splitlines()[-1] == "next  yolow weights rm solar:v1 --force --yes"
    assert run_yolow("weights", "rm", "solar:v1", "--force", "--yes", cwd=workdir).code == 0
    assert Store(ROOT).aliases("solar") == {}
    child = run_yolow("weights", "verify", "solar:v2", "--json", cwd=workdir).document
    assert all(one["path"] != "lineage" for one in child["versions"][0]["differences"])


def test_gc_says_what_it_keeps_and_why(run_yolow: Yolow, workdir: Path) -> None:
    versions = [add_version(ROOT) for _ in range(5)]
    add_version(ROOT, parent=child_of(versions[1]))
    run_yolow("weights", "promote", "solar:v3", "production", cwd=workdir)
    before = tree(ROOT)
    plan = run_yolow("weights", "gc", "--keep", "1", "--json", cwd=workdir).document
    assert plan["dry_run"] is True
    assert [row["reference"] for row in plan["removed"]] == ["solar:v5", "solar:v4", "solar:v1"]
    assert {row["reference"]: row["reason"] for row in plan["kept"]} == {
        "solar:v6": "among the newest 1 of solar",
        "solar:v3": "alias production",
        "solar:v2": "ancestor of solar:v6",
    }
    assert plan["size_bytes"] == sum(
        file.size_bytes for number in (0, 3, 4) for file in versions[number].record.files
    )
    assert tree(ROOT) == before
    screen = run_yolow("weights", "gc", "--keep", "1", cwd=workdir).out.splitlines()
    assert screen[0] == "would remove 3 versions, 0.0 MB; nothing was changed"
    assert "solar:v2  ancestor of solar:v6" in screen
    assert screen[-1] == "next  yolow weights gc --keep 1 --yes"
    done = run_yolow("weights", "gc", "--keep", "1", "--yes", cwd=workdir)
    assert done.out.startswith("removed 3 versions, 0.0 MB\n")
    assert Store(ROOT).numbers("solar") == [2, 3, 6]
    again = run_yolow("weights", "gc", "--keep", "1", "--yes", cwd=workdir)
    assert again.out.startswith("nothing to remove\n")


def test_gc_of_nothing(run_yolow: Yolow, workdir: Path) -> None:
    finished = run_yolow("weights", "gc", "--yes", cwd=workdir)
    assert (finished.code, finished.out) == (0, "nothing to remove\n")
    assert not ROOT.exists()


def test_gc_keeps_at_least_one(run_yolow: Yolow, workdir: Path) -> None:
    assert run_yolow("weights", "gc", "--keep", "0", cwd=workdir).code == 2


def test_notes_stand_beside_the_version(run_yolow: Yolow, workdir: Path) -> None:
    version = add_version(ROOT)
    before = tree(version.folder)
    run_yolow("weights", "note", "solar:v1", "misses panels in the shade", cwd=workdir)
    finished = run_yolow("weights", "note", "solar:v1", "good on\x1b[31m roofs", cwd=workdir)
    assert finished.out.splitlines()[0] == "solar:v1  2 notes"
    assert finished.out.splitlines()[-1].endswith(r"UTC  good on\x1b[31m roofs")
    assert [note.text for note in Store(ROOT).notes(version)] == [
        "misses panels in the shade",
        "good on\x1b[31m roofs",
    ]
    assert tree(version.folder) == before
    assert run_yolow("weights", "note", "solar:v1", "  ", cwd=workdir).code == 2
