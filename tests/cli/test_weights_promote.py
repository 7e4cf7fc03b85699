"""`weights promote` and `weights rollback`: who gets an alias, who doesn't, and why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness import Yolow
from managed_store import DATA, add_version, promote

from yolow.recipes.weights_rollback import earlier_holders
from yolow.store.aliases import AliasEvent
from yolow.store.store import Store

ROOT = Path("weights")


def test_first_promotion_needs_no_comparison(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT)
    finished = run_yolow("weights", "promote", "solar", "production", "--if-better", "map50_95", cwd=workdir)
    assert (finished.code, finished.out) == (0, "solar:production  new -> solar:v1\n")
    assert Store(ROOT).aliases("solar") == {"production": 1}


def test_better_version_takes_the_alias_over(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT, map50_95=0.42)
    add_version(ROOT, map50_95=0.45)
    promote(ROOT, 1)
    finished = run_yolow(
        "weights", "promote", "solar:v2", "production", "--if-better", "map50_95", "--reason", "nightly", "--json",
        cwd=workdir,
    )  # fmt: skip
    document = finished.document
    assert (finished.code, document["status"]) == (0, "done")
    assert [document[key] for key in ("alias", "previous", "holder", "changed")] == [
        "solar:production", "solar:v1", "solar:v2", True,
    ]  # fmt: skip
    assert document["comparisons"] == [
        {
            "field": "map50_95",
            "demand": "higher than the holder's",
            "holder": 0.42,
            "candidate": 0.45,
            "passed": True,
        }
    ]
    assert document["warnings"] == []
    assert [event.reason for event in Store(ROOT).alias_history("solar", "production")] == ["", "nightly"]


@pytest.mark.parametrize(
    ("candidate", "flags", "reason"),
    [
        (
            {"map50_95": 0.42},  # equal is not better
            ["--if-better", "map50_95"],
            "map50_95 must be higher than the holder's: solar:v2 has 0.42, solar:v1 has 0.42",
        ),
        (
            {"latency_ms": 40.0},
            ["--if-better", "latency_ms"],
            "latency_ms must be lower than the holder's: solar:v2 has 40, solar:v1 has 31.26",
        ),
        (
            {"latency_ms": None},
            ["--if-better", "latency_ms"],
            "latency_ms was not measured for solar:v2",
        ),
        ({}, ["--if-better", "top1"], "top1 was not measured for solar:v2 and solar:v1"),
        (
            {"map50_95": 0.409},
            ["--max-drop", "1"],
            "map50_95 must be at most 1 point below the holder's: solar:v2 has 0.409, solar:v1 has 0.42",
        ),
        (
            {"latency_ms": 20.0},
            ["--min-speedup", "2"],
            "latency_ms must be 2 times shorter than the holder's: solar:v2 has 20, solar:v1 has 31.26",
        ),
        ({}, ["--gate", "map50_95 >= 0.5"], "map50_95 must be >= 0.5: solar:v2 has 0.42"),
        (
            {"map50_95": 0.9, "task": "segment"},
            ["--if-better", "map50_95"],
            "solar:v2 is of task segment, solar:v1 of detect: they can't be compared",
        ),
    ],
    ids=["equal", "slower", "not measured", "neither", "drop", "speed-up", "gate", "task"],
)
def test_what_is_not_good_enough_changes_nothing(
    run_yolow: Yolow, workdir: Path, candidate: dict[str, Any], flags: list[str], reason: str
) -> None:
    add_version(ROOT)
    add_version(ROOT, **candidate)
    promote(ROOT, 1)
    before = (ROOT / "solar" / "aliases.json").read_bytes()
    finished = run_yolow("weights", "promote", "solar:v2", "production", *flags, "--json", cwd=workdir)
    document = finished.document
    assert (finished.code, document["status"], document["exit_code"]) == (1, "rejected", 1)
    assert (document["changed"], document["holder"]) == (False, "solar:v1")
    assert document["reasons"] == [reason]
    assert (ROOT / "solar" / "aliases.json").read_bytes() == before


def test_the_screen_of_a_rejection(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT)
    add_version(ROOT, latency_ms=20.0)
    promote(ROOT, 1)
    finished = run_yolow(
        "weights", "promote", "solar:v2", "production", "--if-better", "map50_95", "--min-speedup", "1.5",
        "--gate", "size_mb <= 6", cwd=workdir,
    )  # fmt: skip
    assert finished.code == 1
    assert finished.out.splitlines() == [
        "solar:production  stays solar:v1, solar:v2 was rejected",
        "",
        "field       demand                               solar:v1  solar:v2  result",
        "map50_95    higher than the holder's                 0.42      0.42  failed",
        "latency_ms  1.5 times shorter than the holder's     31.26        20  met",
        "size_mb     <= 6                                              7e-06  met",
        "",
        "map50_95 must be higher than the holder's: solar:v2 has 0.42, solar:v1 has 0.42",
    ]


def test_limits_that_are_met_exactly_are_met(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT, map50_95=0.312, latency_ms=30.0)
    add_version(ROOT, map50_95=0.282, latency_ms=20.0)
    assert 0.312 - 0.03 > 0.282  # in binary; not for whoever reads the record
    promote(ROOT, 1)
    finished = run_yolow(
        "weights", "promote", "solar:v2", "production", "--max-drop", "3", "--min-speedup", "1.5", cwd=workdir
    )
    assert finished.code == 0, finished.out


def test_doubtful_comparisons_are_named(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT)
    add_version(
        ROOT,
        map50_95=0.5,
        latency_ms=20.0,
        data=replace(DATA, fingerprint="ab" * 32),
        environment={"cpu": "B"},
    )
    promote(ROOT, 1)
    finished = run_yolow(
        "weights", "promote", "solar:v2", "production", "--if-better", "map50_95", "--min-speedup", "1.1", "--json",
        cwd=workdir,
    )  # fmt: skip
    assert finished.document["warnings"] == [
        "solar:v2 and solar:v1 were measured on different data: fingerprints abababababab and cdcdcdcdcdcd",
        "the latencies of solar:v2 and solar:v1 hold under different conditions: cpu B and A",
    ]


def test_promoting_the_holder_again_changes_nothing(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT)
    promote(ROOT, 1)
    finished = run_yolow(
        "weights", "promote", "solar:production", "production", "--if-better", "map50_95", cwd=workdir
    )
    assert (finished.code, finished.out) == (
        0,
        "solar:production  is solar:v1 already, nothing was changed\n",
    )
    assert len(Store(ROOT).alias_history("solar", "production")) == 1


def test_compare_and_swap(run_yolow: Yolow, workdir: Path) -> None:
    for _ in range(3):
        add_version(ROOT)
    first = run_yolow("weights", "promote", "solar:v1", "production", "--expect", "none", cwd=workdir)
    second = run_yolow("weights", "promote", "solar:v2", "production", "--expect", "none", cwd=workdir)
    third = run_yolow("weights", "promote", "solar:v3", "production", "--expect", "v1", cwd=workdir)
    assert [first.code, second.code, third.code] == [0, 1, 0]
    assert second.err.splitlines()[-5:] == [
        "error: solar:production is held by another version than expected",
        "  expected: none",
        "  found: v1",
        "note: somebody else has changed the alias since you looked; nothing was changed now",
        "hint: yolow weights log solar",
    ]


def test_all_mistakes_at_once(run_yolow: Yolow, workdir: Path) -> None:
    finished = run_yolow(
        "weights", "promote", "solar:v1", "latest", "--if-better", "map", "--gate", "size <= 2", "--max-drop", "101",
        "--min-speedup", "0", "--expect", "3", cwd=workdir,
    )  # fmt: skip
    assert finished.code == 2
    lines = finished.err.splitlines()
    assert lines[0] == "error: the promotion can't be read"
    assert lines[1:3] == [
        "  'latest' can't be an alias",
        "  'latest' is always the version with the highest number",
    ]
    assert lines[3].startswith("  gate 'size <= 2': unknown field 'size'")
    assert lines[4].startswith("  --if-better map: unknown field, there are precision, recall, ")
    assert lines[5:] == [
        "  --max-drop 101: points lie between 0 and 100",
        "  --min-speedup 0: a factor above 0, such as 1.5",
        "  --expect 3: a number such as v3, or none",
        "hint: yolow weights promote --help",
    ]


def test_a_file_is_no_version(run_yolow: Yolow, workdir: Path) -> None:
    (workdir / "best.pt").write_bytes(b"PK")
    finished = run_yolow("weights", "promote", "best.pt", "production", cwd=workdir)
    assert finished.code == 2
    assert finished.err.splitlines() == [
        "error: 'best.pt' is not a version of the store",
        f"  store: {workdir / ROOT}",
        "hint: yolow weights import best.pt --name best",
    ]


def test_a_damaged_candidate_is_not_promoted(run_yolow: Yolow, workdir: Path) -> None:
    version = add_version(ROOT)
    version.weights_path.chmod(0o644)
    version.weights_path.write_bytes(b"other bytes")
    finished = run_yolow("weights", "promote", "solar:v1", "production", cwd=workdir)
    assert finished.code == 1
    assert "error: solar:v1 is not what its record says" in finished.err
    assert Store(ROOT).aliases("solar") == {}


def test_rollback_goes_back_step_by_step(run_yolow: Yolow, workdir: Path) -> None:
    for _ in range(3):
        add_version(ROOT, parent=None)
    for number in (1, 2, 3):
        promote(ROOT, number)
    first = run_yolow("weights", "rollback", "solar:production", "--json", cwd=workdir)
    assert [first.document[key] for key in ("previous", "holder")] == ["solar:v3", "solar:v2"]
    second = run_yolow("weights", "rollback", "production", "--name", "solar", cwd=workdir)
    assert second.out.startswith("solar:production  solar:v2 -> solar:v1\n")
    third = run_yolow("weights", "rollback", "solar:production", cwd=workdir)
    assert third.code == 2
    assert third.err.splitlines() == [
        "error: solar:production has nothing to go back to",
        "  it stands for solar:v1",
        "  no other version has held it",
        "hint: yolow weights log solar",
    ]
    assert [event.sequence for event in Store(ROOT).alias_history("solar", "production")] == [1, 2, 3, 4, 5]


def test_rollback_skips_removed_versions(run_yolow: Yolow, workdir: Path) -> None:
    for _ in range(3):
        add_version(ROOT, parent=None)
    for number in (1, 2, 3):
        promote(ROOT, number)
    assert run_yolow("weights", "rm", "solar:v2", "--yes", cwd=workdir).code == 0
    finished = run_yolow("weights", "rollback", "solar:production", cwd=workdir)
    assert finished.out.startswith("solar:production  solar:v3 -> solar:v1\n")


def test_rollback_never_goes_to_a_damaged_version(run_yolow: Yolow, workdir: Path) -> None:
    old = add_version(ROOT)
    add_version(ROOT)
    for number in (1, 2):
        promote(ROOT, number)
    old.weights_path.chmod(0o644)
    old.weights_path.write_bytes(b"other bytes")
    assert run_yolow("weights", "rollback", "solar:production", cwd=workdir).code == 1
    assert Store(ROOT).aliases("solar") == {"production": 2}


@pytest.mark.parametrize(
    ("alias", "message"),
    [
        ("solar:v1", "error: 'solar:v1' is not an alias that can be moved"),
        ("solar:latest", "error: 'solar:latest' is not an alias that can be moved"),
        ("production", "error: 'production' does not say whose alias it is"),
        ("solar:prodction", "error: solar has no alias 'prodction'"),
    ],
)
def test_rollback_of_what_is_no_alias(run_yolow: Yolow, workdir: Path, alias: str, message: str) -> None:
    add_version(ROOT)
    promote(ROOT, 1)
    finished = run_yolow("weights", "rollback", alias, cwd=workdir)
    assert (finished.code, finished.err.splitlines()[0]) == (2, message)


@pytest.mark.parametrize(
    ("numbers", "earlier"),
    [
        ([], []),
        ([1], []),
        ([1, 2, 3], [1, 2]),
        ([1, 2, 3, 2], [1]),
        ([1, 2, 3, 2, 1], []),
        ([1, 2, None], [1, 2]),
        ([1, 2, 1, 4], [1]),
    ],
)
def test_earlier_holders(numbers: list[int | None], earlier: list[int]) -> None:
    events = [
        AliasEvent(alias="production", sequence=index, number=number, previous=None, changed="", reason="")
        for index, number in enumerate(numbers, start=1)
    ]
    assert earlier_holders(events) == earlier


@pytest.mark.parametrize("jobs", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_concurrent_promotions_end_with_the_best(run_yolow: Yolow, workdir: Path, jobs: int) -> None:
    values = [0.3 + 0.5 * ((index * 37) % jobs) / jobs for index in range(jobs)]
    for value in values:
        add_version(ROOT, map50_95=value)
    best = values.index(max(values)) + 1

    def compete(number: int) -> int:
        return run_yolow(
            "weights", "promote", f"solar:v{number}", "production", "--if-better", "map50_95", "--quiet", cwd=workdir
        ).code  # fmt: skip

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        codes = list(pool.map(compete, range(1, jobs + 1)))
    history = Store(ROOT).alias_history("solar", "production")
    assert set(codes) <= {0, 1}
    assert Store(ROOT).aliases("solar") == {"production": best}
    assert [event.sequence for event in history] == list(range(1, codes.count(0) + 1))
    assert [event.previous for event in history] == [None, *(event.number for event in history[:-1])]
    held = [values[event.number - 1] for event in history if event.number is not None]
    assert held == sorted(held)
