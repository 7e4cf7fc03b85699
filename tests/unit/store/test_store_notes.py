"""Notes are kept beside the versions, in order, whoever writes them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from killed import kills
from store_samples import add, write

from yolow.errors import StoreError, UsageError, WeightsNotFoundError
from yolow.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with solar:v1 and v2."""
    store = Store(tmp_path / "weights")
    for _ in range(2):
        add(store, tmp_path)
    return store


def _file(store: Store) -> Path:
    return store.root / "solar" / "notes.json"


def test_notes_in_order(store: Store) -> None:
    first, second = store.get("solar", 1), store.get("solar", 2)
    assert store.notes(first) == ()
    store.add_note(first, "  trained on the new labels\n")
    store.add_note(second, "猫 \x1b[31m \udcff")
    store.add_note(first, "two lines\nof text")
    notes = store.notes(first)
    assert [note.text for note in notes] == ["trained on the new labels", "two lines\nof text"]
    assert notes[0].written < notes[1].written
    assert [note.text for note in store.notes(second)] == ["猫 \x1b[31m \\udcff"]
    assert store.verify(first) == [], "a note is no part of the version"


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_empty_note_is_refused(store: Store, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        store.add_note(store.get("solar", 1), text)
    assert caught.value.hint == "yolow weights note solar:v1 'what to remember'"
    assert not _file(store).exists()


def test_a_version_that_is_gone_gets_no_note(store: Store) -> None:
    version = store.get("solar", 2)
    store.add_note(version, "before")
    store.remove(version, reason="")
    with pytest.raises(WeightsNotFoundError, match="solar:v2 was removed"):
        store.add_note(version, "after")
    assert [note.text for note in store.notes(version)] == ["before"], "what was written stays"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", "expected an object, found a list"),
        ('{"x": []}', "x: the key is not a whole number"),
        ('{"1": [{"written": "now"}]}', "1[0].text: missing"),
        ('{"1": [{"written": "now", "text": "a", "author": "b"}]}', "1[0].author: unknown"),
        ("\xff", "'utf-8' codec can't decode"),
    ],
)
def test_a_damaged_file_is_never_overwritten(store: Store, text: str, fault: str) -> None:
    path = write(_file(store), text.encode("latin-1"))
    with pytest.raises(StoreError) as caught:
        store.add_note(store.get("solar", 1), "text")
    assert caught.value.message == "the notes can't be read"
    assert caught.value.context[0].startswith(f"{path}: {fault}")
    assert path.read_bytes() == text.encode("latin-1")


def _write_notes(root: Path, worker: int) -> None:
    store = Store(root)
    for index in range(10):
        store.add_note(store.get("solar", 1), f"{worker}.{index}")


def test_no_note_is_lost_among_processes(store: Store) -> None:
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_write_notes, [store.root] * 4, range(4)))
    notes = store.notes(store.get("solar", 1))
    assert sorted(note.text for note in notes) == sorted(f"{w}.{i}" for w in range(4) for i in range(10))
    assert [note.written for note in notes] == sorted(note.written for note in notes)


def test_a_kill_at_any_step_leaves_all_notes_before(store: Store) -> None:
    version = store.get("solar", 1)
    store.add_note(version, "before")
    for _ in kills(lambda: store.add_note(version, "after")):
        texts = [note.text for note in store.notes(version)]
        assert texts[0] == "before"
        assert set(texts[1:]) <= {"after"}
    assert [path.name for path in (store.root / "solar").iterdir() if path.name.startswith(".")] == []
