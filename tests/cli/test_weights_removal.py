"""`weights rm`, `weights gc` and `weights note`: a plan by default, nothing that is needed, and a trace of what was."""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import Yolow
from managed_store import add_version, child_of, promote, tree

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
    promote(ROOT, 2)
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
    promote(ROOT, 1)
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
    promote(ROOT, 3)
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


def test_what_to_type_next_means_the_same_versions_in_the_same_store(run_yolow: Yolow, workdir: Path) -> None:
    for _ in range(3):
        add_version(Path("my store"), parent=None)
    words = ["--store", "my store", "--reason", "wrong labels"]
    plan = run_yolow("weights", "rm", "solar", "solar:v1", *words, "--json", cwd=workdir).document
    add_version(Path("my store"), parent=None)  # `solar` alone would be this one now
    assert plan["confirm"] == (
        f"yolow weights rm solar:v3 solar:v1 --reason 'wrong labels' --yes --store '{workdir}/my store'"
    )
    done = run_yolow(*shlex.split(plan["confirm"])[1:], cwd=workdir)
    assert done.code == 0, done.err
    assert Store(Path("my store")).numbers("solar") == [2, 4]
    plan = run_yolow("weights", "gc", "--keep", "1", *words[:2], "--json", cwd=workdir).document
    assert plan["confirm"] == f"yolow weights gc --keep 1 --yes --store '{workdir}/my store'"


def test_a_version_that_can_not_be_read_stays_and_is_named(run_yolow: Yolow, workdir: Path) -> None:
    parent = add_version(ROOT, parent=None)
    broken = add_version(ROOT, parent=child_of(parent))
    add_version(ROOT, parent=None)
    (broken.folder / "record.json").chmod(0o644)
    (broken.folder / "record.json").write_text("{")
    for words in (["gc", "--keep", "1"], ["rm", "solar:v1"]):
        document = run_yolow("weights", *words, "--json", cwd=workdir).document
        assert [row["reference"] for row in document["removed"]] == ["solar:v1"]
        (warning,) = document["warnings"]
        assert warning.startswith("solar:v2: the record can't be read: ")
        assert warning.endswith("; so what it was made from is not protected")


def test_promotions_while_others_collect(run_yolow: Yolow, workdir: Path) -> None:
    """Whoever comes first: an alias never stands for a version that is gone, and no number is given twice."""
    for _ in range(9):
        add_version(ROOT, parent=None)
    jobs = [["promote", f"solar:v{number}", f"stage{number}"] for number in range(1, 7)]
    jobs[1::2] = [[*job, "--quiet"] for job in jobs[1::2]]
    jobs += [["gc", "--keep", "1", "--yes"], ["gc", "--keep", "2", "--yes"]]
    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        finished = list(pool.map(lambda words: run_yolow("weights", *words, cwd=workdir), jobs))
    store = Store(ROOT)
    promoted = {number for number, one in enumerate(finished[:6], start=1) if one.code == 0}
    assert [one.code for one in finished[6:]] == [0, 0], finished[6].err + finished[7].err
    assert set(store.aliases("solar").values()) == promoted
    assert promoted <= set(store.numbers("solar"))
    for one in finished[:6]:
        assert one.code == 0 or " was removed on " in one.err
    removed = {one.record.number for one in store.tombstones("solar")}
    assert removed | set(store.numbers("solar")) == set(range(1, 10))
    assert add_version(ROOT).number == 10


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
