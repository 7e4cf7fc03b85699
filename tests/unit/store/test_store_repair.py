"""A repair rebuilds what can be derived from the rest, and never covers a change of what can't."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from killed import kills
from store_samples import add, write

from yolow.store.integrity import record_digest_text
from yolow.store.store import Store, WeightsVersion

DIGEST_DONE = "record.json.sha256: written again; every file agrees with the record"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "weights")


@pytest.fixture
def version(store: Store, tmp_path: Path) -> WeightsVersion:
    return add(store, tmp_path)


def _write(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def _tree(store: Store) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(store.root).as_posix(): (path.stat().st_mode, path.read_bytes())
        for path in store.root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_a_whole_version_is_left_alone(store: Store, version: WeightsVersion) -> None:
    before = _tree(store)
    assert store.repair(version) == []
    assert _tree(store) == before


@pytest.mark.parametrize("damage", ["flipped", "empty", "longer", "missing", "link"])
def test_a_damaged_digest_is_written_again(store: Store, version: WeightsVersion, damage: str) -> None:
    before, path = _tree(store), version.folder / "record.json.sha256"
    right = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "link":
        path.unlink()
        path.symlink_to(write(store.root.parent / "elsewhere", right))
    else:
        _write(path, {"flipped": b"\xff" + right[1:], "empty": b"", "longer": right + b"\n"}[damage])
    assert store.verify(version) != []
    assert store.repair(version) == [DIGEST_DONE]
    assert store.verify(version) == []
    assert _tree(store) == before


def test_every_flipped_byte_of_the_digest_can_be_repaired(store: Store, version: WeightsVersion) -> None:
    path = version.folder / "record.json.sha256"
    right = path.read_bytes()
    for at in range(0, len(right), 7):
        _write(path, right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :])
        assert store.repair(version) == [DIGEST_DONE], at
        assert path.read_bytes() == right


@pytest.mark.parametrize("name", ["record.json", "solar-v1.pt", "report.md", "curves/PR.png"])
def test_what_can_not_be_derived_stays_damaged(store: Store, version: WeightsVersion, name: str) -> None:
    path = version.folder / name
    content = path.read_bytes()
    _write(path, content.replace(b'"finetune"', b'"finetunf"') if name == "record.json" else content + b" ")
    before = _tree(store)
    differences = store.verify(store.get("solar", 1))
    assert len(differences) == 1
    assert differences[0].startswith(f"{name}: ")
    assert store.repair(version) == []
    assert store.verify(store.get("solar", 1)) == differences
    assert _tree(store) == before


def test_the_digest_is_not_rebuilt_over_another_damage(store: Store, version: WeightsVersion) -> None:
    _write(version.folder / "record.json.sha256", b"")
    _write(version.weights_path, b"weightz")
    assert store.repair(version) == []
    assert len(store.verify(version)) == 2


def test_the_digest_of_an_edited_record_is_not_blessed(store: Store, version: WeightsVersion) -> None:
    """Somebody edits the record and writes a line in the form of a digest: neither may be made to agree."""
    path = version.folder / "record.json"
    value = json.loads(path.read_bytes())
    value["metrics"]["map50_95"] = 0.99
    _write(path, json.dumps(value).encode())
    other = record_digest_text(b"something else").encode()
    _write(version.folder / "record.json.sha256", other)
    assert store.repair(version) == []
    assert (version.folder / "record.json.sha256").read_bytes() == other


@pytest.mark.parametrize("content", [None, b"", b"x", b"1\n"])
def test_the_highest_number_is_found_again(store: Store, tmp_path: Path, content: bytes | None) -> None:
    for _ in range(3):
        version = add(store, tmp_path)
    store.remove(version, reason="")
    path = store.root / "solar" / "last_number"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert store.repair(store.get("solar", 1)) == ["last_number: 3, by what is there"]
    assert path.read_bytes() == b"3\n"
    assert add(store, tmp_path).number == 4


def test_a_highest_number_above_all_versions_is_kept(store: Store, version: WeightsVersion) -> None:
    (store.root / "solar" / "last_number").write_bytes(b"9\n")
    assert store.repair(version) == []


def test_a_stale_tombstone_goes(store: Store, version: WeightsVersion) -> None:
    value = {"schema_version": 1, "removed": "now", "reason": "", "record": version.record.to_json_value()}
    path = write(store.root / "solar" / "v1.removed", json.dumps(value))
    assert store.repair(version) == ["v1.removed: taken away; the version is there"]
    assert not path.exists()
    assert store.get("solar", 1) == version


def test_write_permission_is_taken_away_again(store: Store, version: WeightsVersion) -> None:
    for name in ("solar-v1.pt", "curves/PR.png", "record.json"):
        (version.folder / name).chmod(0o644)
    assert store.repair(version) == [
        f"{name}: made read-only again" for name in ("curves/PR.png", "solar-v1.pt", "record.json")
    ]
    modes = {stat.S_IMODE(os.lstat(path).st_mode) & 0o222 for path in version.folder.rglob("*.*")}
    assert modes == {0}


def test_a_kill_at_any_step_can_be_repaired(store: Store, version: WeightsVersion) -> None:
    before = _tree(store)
    _write(version.folder / "record.json.sha256", b"")
    (store.root / "solar" / "last_number").unlink()
    whole = []
    for _ in kills(lambda: store.repair(version)):
        whole.append(store.verify(version) == [])
        assert whole[-1] or store.verify(version)[0].startswith("record.json.sha256: expected sha256 ")
    assert whole[0] is False
    assert _tree(store) == before
