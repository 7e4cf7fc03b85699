"""`weights verify`: every byte, the network against the record, the lineage; and what a repair may do."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from harness import Yolow
from managed_store import DRAFT, PROFILE, add_version, checkpoint_bytes, child_of, promote, write_openvino

from yolow.store.digest import sha256_bytes
from yolow.store.integrity import record_digest_text
from yolow.store.record import ParentRecord
from yolow.store.store import Store, WeightsVersion

ROOT = Path("weights")
NAMES = {number: str(number) for number in range(80)}


def _real(**changes: object) -> WeightsVersion:
    told = {"classes": NAMES, "profile": replace(PROFILE, parameters=2_572_280), **changes}
    return add_version(ROOT, content=checkpoint_bytes(), **told)


def _write(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def test_intact_versions(run_yolow: Yolow, workdir: Path) -> None:
    _real()
    _real(name="other")
    finished = run_yolow("weights", "verify", cwd=workdir)
    assert finished.code == 0, finished.out
    assert finished.out == "other:v1  as recorded\nsolar:v1  as recorded\n\n2 of 2 versions as recorded\n"
    document = run_yolow("weights", "verify", "solar", "--json", cwd=workdir).document
    assert document["versions"] == [{"reference": "solar:v1", "ok": True, "differences": [], "repaired": []}]


def test_empty_store(run_yolow: Yolow, workdir: Path) -> None:
    finished = run_yolow("weights", "verify", "--all", cwd=workdir)
    assert (finished.code, finished.out) == (0, "no versions yet\n")
    assert not ROOT.exists()


@pytest.mark.parametrize("name", ["report.md", "solar-v1.pt", "record.json", "record.json.sha256"])
@pytest.mark.parametrize("place", [0, -2])
def test_any_flipped_byte_is_named(run_yolow: Yolow, workdir: Path, name: str, place: int) -> None:
    version = _real()
    content = bytearray((version.folder / name).read_bytes())
    content[place] ^= 1
    _write(version.folder / name, bytes(content))
    finished = run_yolow("weights", "verify", "--json", cwd=workdir)
    assert (finished.code, finished.document["status"]) == (1, "rejected")
    (row,) = finished.document["versions"]
    assert row["reference"] == "solar:v1"
    assert {difference["path"] for difference in row["differences"]} == {name}


def test_screen_names_path_expected_and_found(run_yolow: Yolow, workdir: Path) -> None:
    version = _real()
    good = sha256_bytes((version.folder / "report.md").read_bytes())
    _write(version.folder / "report.md", b"# moon\n")
    (version.folder / "extra.txt").write_text("x")
    finished = run_yolow("weights", "verify", "solar:v1", cwd=workdir)
    assert finished.out.splitlines() == [
        "solar:v1  DIFFERS in 2 places",
        "  extra.txt",
        "    expected  nothing",
        "    found     file",
        "  report.md",
        f"    expected  sha256 {good} (8 bytes)",
        f"    found     sha256 {sha256_bytes(b'# moon' + bytes([10]))} (7 bytes)",
    ]


def test_an_unreadable_record_hides_no_other_version(run_yolow: Yolow, workdir: Path) -> None:
    broken = _real()
    _real()
    promote(ROOT, 1)
    _write(broken.folder / "record.json", b'{"schema_version": 1,')
    finished = run_yolow("weights", "verify", cwd=workdir)
    assert finished.code == 1
    lines = finished.out.splitlines()
    assert lines[:3] == ["solar:v1  DIFFERS in 1 place", "  record.json", "    expected  a readable record"]
    assert lines[4:] == ["solar:v2  as recorded", "", "1 of 2 versions as recorded"]
    for reference, code in (("solar:v1", 1), ("solar:production", 1), ("solar", 0)):
        assert run_yolow("weights", "verify", reference, cwd=workdir).code == code


@pytest.mark.parametrize(
    ("changes", "expected", "found"),
    [
        ({"task": "segment"}, "task segment", "task detect"),
        ({"profile": replace(PROFILE, parameters=7)}, "parameters 7", "parameters 2572280"),
        ({"classes": {0: "panel"}}, "classes {0: 'panel'}", f"classes {NAMES}"),
    ],
    ids=["task", "parameters", "classes"],
)
def test_a_record_that_says_other_than_the_weights(
    run_yolow: Yolow, workdir: Path, changes: dict[str, object], expected: str, found: str
) -> None:
    """All digests agree: such a record was made by hand, or by a faulty program."""
    _real(**changes)
    finished = run_yolow("weights", "verify", "--json", cwd=workdir)
    assert finished.code == 1
    assert finished.document["versions"][0]["differences"] == [
        {"path": "solar-v1.pt", "expected": expected, "found": found}
    ]


def test_an_export_whose_record_names_other_classes(run_yolow: Yolow, workdir: Path) -> None:
    folder = workdir / "best_openvino_model"
    write_openvino(folder)
    store = Store(ROOT)
    draft = replace(DRAFT, format="openvino", classes={0: "panel", 1: "roof"})
    version = store.add(draft, weights=folder, suffix="_openvino_model")
    place = "solar-v1_openvino_model"
    differences = run_yolow("weights", "verify", "--json", cwd=workdir).document["versions"][0]["differences"]
    assert differences == [
        {"path": place, "expected": "classes {0: 'panel', 1: 'roof'}", "found": "classes {0: 'panel'}"}
    ]
    _write(version.weights_path / "best.bin", bytes(48))
    (version.weights_path / "best.onnx").touch()
    differences = run_yolow("weights", "verify", "--json", cwd=workdir).document["versions"][0]["differences"]
    assert [(one["path"], one["expected"][:9]) for one in differences] == [
        (f"{place}/best.bin", f"sha256 {sha256_bytes(bytes(range(48)))[:2]}"),
        (f"{place}/best.onnx", "nothing"),
    ]


def test_weights_that_are_no_checkpoint(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT, content=b"weights")
    finished = run_yolow("weights", "verify", "--json", cwd=workdir)
    (difference,) = finished.document["versions"][0]["differences"]
    assert difference == {
        "path": "solar-v1.pt",
        "expected": "weights of the format pytorch",
        "found": "the file is not a PyTorch checkpoint",
    }


def test_broken_lineage(run_yolow: Yolow, workdir: Path) -> None:
    first = _real(parent=ParentRecord(reference="yolo26n.pt"))
    add_version(ROOT, content=b"between", parent=child_of(first))
    middle = _real(name="roof", parent=ParentRecord(reference="solar:v9", sha256="ab" * 32))
    finished = run_yolow("weights", "verify", "roof:v1", "solar:v1", "--json", cwd=workdir)
    assert [row["ok"] for row in finished.document["versions"]] == [False, True]
    assert finished.document["versions"][0]["differences"] == [
        {
            "path": "lineage",
            "expected": "solar:v9 (sha256 abababababab) or a note of its removal",
            "found": "neither",
        }
    ]
    assert middle.reference == "roof:v1"


def test_an_ancestor_removed_by_hand_is_missed_by_all_descendants(run_yolow: Yolow, workdir: Path) -> None:
    first = add_version(ROOT, content=b"first")
    second = add_version(ROOT, content=b"second", parent=child_of(first))
    add_version(ROOT, content=b"third", parent=child_of(second))
    shutil.rmtree(first.folder)
    document = run_yolow("weights", "verify", "solar:v3", "--json", cwd=workdir).document
    assert "lineage" in {one["path"] for one in document["versions"][0]["differences"]}
    every = run_yolow("weights", "verify", "--all", "--json", cwd=workdir).document
    broken = [
        row["reference"]
        for row in every["versions"]
        if any(one["path"] == "lineage" for one in row["differences"])
    ]
    assert broken == ["solar:v2"]


def test_repair_rebuilds_a_damaged_digest_only(run_yolow: Yolow, workdir: Path) -> None:
    version = _real()
    record = (version.folder / "record.json").read_bytes()
    _write(version.folder / "record.json.sha256", b"")
    assert run_yolow("weights", "verify", cwd=workdir).code == 1
    finished = run_yolow("weights", "verify", "--repair", cwd=workdir)
    assert finished.code == 0, finished.out
    assert "record.json.sha256" in finished.out
    assert (version.folder / "record.json.sha256").read_text() == record_digest_text(record)
    again = run_yolow("weights", "verify", "--repair", "--json", cwd=workdir).document
    assert again["versions"][0]["repaired"] == []


def test_repair_never_covers_a_changed_record(run_yolow: Yolow, workdir: Path) -> None:
    version = _real()
    record = json.loads((version.folder / "record.json").read_text())
    record["metrics"]["map50_95"] = 0.99
    _write(version.folder / "record.json", json.dumps(record).encode())
    finished = run_yolow("weights", "verify", "--repair", cwd=workdir)
    assert finished.code == 1
    assert "  record.json" in finished.out.splitlines()


def test_unknown_versions_and_contradictions(run_yolow: Yolow, workdir: Path) -> None:
    _real()
    unknown = run_yolow("weights", "verify", "solar:v7", cwd=workdir)
    assert (unknown.code, unknown.err.splitlines()[-4]) == (2, "error: there is no version solar:v7")
    both = run_yolow("weights", "verify", "solar:v1", "--all", cwd=workdir)
    assert (both.code, both.err.splitlines()) == (
        2,
        ["error: name versions or give --all, not both", "hint: yolow weights verify --all"],
    )
