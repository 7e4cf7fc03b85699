"""What the store finds, and what it says about what it doesn't."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from store_samples import add, add_export, write

from yolow.errors import StoreError, WeightsNotFoundError
from yolow.store.digest import sha256_bytes
from yolow.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "weights")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    store = Store(folder / "weights")
    add(store, folder, content=b"one")
    add(store, folder, content=b"two")
    add(store, folder, content=b"bird", name="birds", run=None)
    add_export(store, folder, run="later")
    write(store.root / "notes.txt", "no version")
    write(store.root / "solar" / "v9", "a file")
    write(store.root / "empty" / "readme", "")
    (store.root / "solar" / "v03").mkdir()
    return store.root


@pytest.fixture
def filled(prepared: Path, store: Store) -> Store:
    """solar:v1 and v2, birds:v1, solar:v3 (in this order of time), and things that are no versions."""
    shutil.copytree(prepared, store.root)
    return store


def _references(store: Store, name: str | None = None) -> list[str]:
    return [version.reference for version in store.versions(name)]


def test_reading_creates_nothing(store: Store) -> None:
    assert store.names() == []
    assert store.versions() == []
    assert store.newest() is None
    assert store.find_digest("ab" * 8) is None
    assert store.find_run("solar", "run") is None
    with pytest.raises(WeightsNotFoundError):
        store.get("solar", 1)
    assert not store.root.exists()


def test_names_and_versions(filled: Store) -> None:
    assert filled.names() == ["birds", "solar"]
    assert _references(filled) == ["solar:v1", "solar:v2", "birds:v1", "solar:v3"]
    assert _references(filled, "solar") == ["solar:v1", "solar:v2", "solar:v3"]
    assert _references(filled, "nothing") == []
    assert filled.latest("solar").reference == "solar:v3"
    assert filled.get("solar", 2).weights_path.read_bytes() == b"two"


def test_versions_count_by_number(store: Store, tmp_path: Path) -> None:
    for _ in range(11):
        add(store, tmp_path)
    assert store.latest("solar").number == 11
    assert [version.number for version in store.versions("solar")] == list(range(1, 12))


def test_the_newest_of_some_formats(filled: Store) -> None:
    newest, with_pytorch = filled.newest(), filled.newest(formats={"pytorch"})
    assert newest is not None
    assert newest.reference == "solar:v3"
    assert with_pytorch is not None
    assert with_pytorch.reference == "birds:v1"
    assert filled.newest(formats={"onnx"}) is None


def test_finding_by_digest(filled: Store, tmp_path: Path) -> None:
    add(filled, tmp_path, content=b"two")
    found = filled.find_digest(sha256_bytes(b"two")[:8].upper())
    assert found is not None
    assert found.reference == "solar:v2", "the oldest of several with the same bytes"
    assert filled.find_digest("0" * 64) is None
    with pytest.raises(WeightsNotFoundError) as caught:
        filled.find_digest("")
    assert caught.value.message == "sha256: is ambiguous"
    assert f"solar:v1: {sha256_bytes(b'one')}" in caught.value.context


def test_finding_by_run(filled: Store) -> None:
    found = filled.find_run("solar", "later")
    assert found is not None
    assert found.reference == "solar:v3"
    assert filled.find_run("birds", "later") is None


def test_a_version_that_does_not_exist(filled: Store) -> None:
    with pytest.raises(WeightsNotFoundError) as caught:
        filled.get("solar", 7)
    assert caught.value.message == "there is no version solar:v7"
    assert caught.value.context == (f"store: {filled.root}", "versions of solar: v1, v2, v3")
    assert caught.value.hint == "yolow weights list --name solar"


def test_a_name_that_does_not_exist(filled: Store) -> None:
    with pytest.raises(WeightsNotFoundError) as caught:
        filled.latest("sloar")
    assert caught.value.message == "there is no version sloar:latest"
    assert caught.value.context == (
        f"store: {filled.root}", "names in the store: birds, solar", "did you mean solar?",
    )  # fmt: skip


def _damage(store: Store) -> Path:
    path = store.root / "solar" / "v2" / "record.json"
    path.chmod(0o644)
    path.write_text("{", encoding="utf-8")
    return path


def test_a_damaged_record_is_never_passed_over_in_silence(filled: Store) -> None:
    path = _damage(filled)
    for read in (lambda: filled.get("solar", 2), filled.versions, filled.newest):
        with pytest.raises(StoreError) as caught:
            read()
        assert caught.value.message == "the record can't be read"
        assert caught.value.context[0] == str(path)
    problems: list[str] = []
    versions = filled.versions(problems=problems)
    assert [version.reference for version in versions] == ["solar:v1", "birds:v1", "solar:v3"]
    assert len(problems) == 1
    assert problems[0].startswith(f"solar:v2: the record can't be read: {path}; ")
    newest = filled.newest(problems=problems)
    assert newest is not None
    assert newest.reference == "solar:v3"


def test_a_damaged_record_hides_nothing_else(filled: Store) -> None:
    _damage(filled)
    assert filled.find_digest(sha256_bytes(b"one")) == filled.get("solar", 1)
    assert filled.find_run("solar", "later") == filled.get("solar", 3)
    with pytest.raises(StoreError) as caught:
        filled.find_digest(sha256_bytes(b"two"))
    assert caught.value.context[0].startswith("solar:v2: the record can't be read")


def test_a_version_without_a_record_is_a_problem(filled: Store) -> None:
    path = filled.root / "solar" / "v12" / "record.json"
    path.parent.mkdir()
    problems: list[str] = []
    filled.versions("solar", problems=problems)
    assert problems == [f"solar:v12: the record can't be read: {path}: No such file or directory"]


def test_a_copied_version_is_a_problem(filled: Store) -> None:
    copy = shutil.copytree(filled.root / "solar" / "v1", filled.root / "solar" / "v12")
    with pytest.raises(StoreError) as caught:
        filled.get("solar", 12)
    assert caught.value.message == "the record is that of another version"
    assert caught.value.context == (f"{copy / 'record.json'}: the record of solar:v1",)


def test_aliases(filled: Store) -> None:
    write(
        filled.root / "solar" / "aliases.json",
        json.dumps({"production": {"number": 2}, "demo": {"number": 2}}),
    )
    assert filled.alias("solar", "production") == 2
    assert filled.alias("solar", "latest") == 3
    assert filled.aliases_of(filled.get("solar", 2)) == ["demo", "production"]
    assert filled.aliases_of(filled.get("solar", 3)) == []
    with pytest.raises(WeightsNotFoundError) as caught:
        filled.alias("solar", "prodution")
    assert caught.value.message == "solar has no alias 'prodution'"
    assert caught.value.context[1:] == (
        "aliases of solar: demo, latest, production", "did you mean solar:production?",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"production": 2}', '{"production": {"number": "2"}}', "\xff"]
)
def test_damaged_aliases_are_an_error(filled: Store, text: str) -> None:
    path = write(filled.root / "solar" / "aliases.json", text.encode("latin-1"))
    with pytest.raises(StoreError) as caught:
        filled.alias("solar", "production")
    assert caught.value.message == "the aliases can't be read"
    assert caught.value.context[0].startswith(f"{path}: ")
