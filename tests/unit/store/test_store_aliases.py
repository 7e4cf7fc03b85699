"""Aliases move one at a time, keep their history, and are never half written."""

from __future__ import annotations

import json
import os
import random
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from killed import kills
from store_samples import add, write

from yolow.errors import ConfigError, ConflictError, StoreError, WeightsNotFoundError
from yolow.store.store import Store, WeightsVersion

PROCESSES, THREADS, VERSIONS = 5, 4, 20


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with solar:v1 to v3 and birds:v1."""
    store = Store(tmp_path / "weights")
    for _ in range(3):
        add(store, tmp_path)
    add(store, tmp_path, name="birds")
    return store


def _file(store: Store) -> Path:
    return store.root / "solar" / "aliases.json"


def _promote(store: Store, number: int, reason: str = "", alias: str = "production") -> None:
    store.change_alias("solar", alias, lambda holder: store.get("solar", number), reason=reason)


def test_an_alias_moves_and_remembers(store: Store) -> None:
    holders = []

    def choose(number: int) -> None:
        def decide(holder: WeightsVersion | None) -> WeightsVersion:
            holders.append(holder and holder.number)
            return store.get("solar", number)

        event = store.change_alias("solar", "production", decide, reason=f"v{number} is better")
        assert (event.number, event.previous) == (number, holders[-1])

    for number in (2, 1, 3):
        choose(number)
    assert holders == [None, 2, 1]
    assert store.alias("solar", "production") == 3
    assert store.aliases("solar") == {"production": 3}
    moves = store.alias_history("solar", "production")
    assert [(move.sequence, move.number, move.previous, move.reason) for move in moves] == [
        (1, 2, None, "v2 is better"), (2, 1, 2, "v1 is better"), (3, 3, 1, "v3 is better"),
    ]  # fmt: skip
    assert [move.changed for move in moves] == sorted(move.changed for move in moves)
    assert store.aliases_of(store.get("solar", 3)) == ["production"]


def test_aliases_have_histories_of_their_own(store: Store) -> None:
    _promote(store, 1)
    _promote(store, 1, alias="demo")
    _promote(store, 2)
    assert [(move.alias, move.sequence) for move in store.alias_history("solar")] == [
        ("production", 1), ("demo", 1), ("production", 2),
    ]  # fmt: skip
    assert [move.sequence for move in store.alias_history("solar", "demo")] == [1]
    assert store.alias_history("solar", "other") == ()
    assert store.alias_history("nothing") == ()


def test_the_holder_again_writes_nothing(store: Store) -> None:
    _promote(store, 2, "first")
    before = _file(store).read_bytes(), _file(store).stat().st_mtime_ns
    event = store.change_alias("solar", "production", lambda holder: holder, reason="again")  # type: ignore[arg-type,return-value]
    assert (event.sequence, event.reason) == (1, "first")
    assert (_file(store).read_bytes(), _file(store).stat().st_mtime_ns) == before


def test_who_decides_against_it_changes_nothing(store: Store) -> None:
    _promote(store, 2)
    before = _file(store).read_bytes()

    def refuse(holder: WeightsVersion | None) -> WeightsVersion:
        assert holder is not None
        raise ConflictError(f"{holder.reference} is better")

    with pytest.raises(ConflictError, match="solar:v2 is better"):
        store.change_alias("solar", "production", refuse, reason="")
    assert _file(store).read_bytes() == before
    _promote(store, 3)  # the lock is free again


def test_a_version_of_another_name_is_refused(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        store.change_alias("solar", "production", lambda holder: store.get("birds", 1), reason="")
    assert caught.value.message == "solar:production can't stand for birds:v1"
    assert store.aliases("solar") == {}


def test_a_version_that_is_gone_is_refused(store: Store) -> None:
    chosen = store.get("solar", 3)
    store.remove(chosen, reason="wrong labels")
    with pytest.raises(WeightsNotFoundError, match="solar:v3 was removed"):
        store.change_alias("solar", "production", lambda holder: chosen, reason="")
    assert store.aliases("solar") == {}


@pytest.mark.parametrize("alias", ["latest", "v3", "3", "", "a b", "../x", "x\n"])
def test_what_can_be_no_alias(store: Store, alias: str) -> None:
    with pytest.raises(ConfigError):
        _promote(store, 1, alias=alias)
    assert not _file(store).exists()


@pytest.mark.parametrize("name", ["nothing", "../weights/solar", ""])
def test_a_name_without_versions_gets_no_alias(store: Store, name: str) -> None:
    with pytest.raises(WeightsNotFoundError):
        store.change_alias(name, "production", lambda holder: store.get("solar", 1), reason="")
    assert store.aliases(name) == {}
    assert not (store.root / "nothing").exists()


def test_a_dropped_alias_keeps_its_history(store: Store) -> None:
    _promote(store, 2)
    event = store.drop_alias("solar", "production", "season is over")
    assert (event.sequence, event.number, event.previous) == (2, None, 2)
    assert store.aliases("solar") == {}
    with pytest.raises(WeightsNotFoundError, match="solar has no alias 'production'"):
        store.drop_alias("solar", "production", "again")
    with pytest.raises(WeightsNotFoundError, match="solar has no alias 'production'"):
        store.alias("solar", "production")
    _promote(store, 1)
    moves = store.alias_history("solar", "production")
    assert [(move.sequence, move.number, move.previous) for move in moves] == [
        (1, 2, None), (2, None, 2), (3, 1, None),
    ]  # fmt: skip


def test_a_file_of_an_older_yolow_goes_on(store: Store) -> None:
    write(_file(store), '{"production": {"number": 3}, "demo": {"number": 1}}\n')
    assert store.aliases("solar") == {"production": 3, "demo": 1}
    assert store.alias_history("solar") == ()
    same = store.change_alias("solar", "production", lambda holder: store.get("solar", 3), reason="")
    assert (same.sequence, same.number) == (0, 3)
    _promote(store, 2)
    [move] = store.alias_history("solar")
    assert (move.sequence, move.number, move.previous) == (1, 2, 3)
    assert store.aliases("solar") == {"production": 2, "demo": 1}


def test_an_alias_of_nothing_can_be_given_again(store: Store) -> None:
    write(_file(store), '{"production": {"number": 9}}')
    seen = []
    store.change_alias(
        "solar", "production", lambda holder: seen.append(holder) or store.get("solar", 1), reason=""
    )
    assert seen == [None]
    [move] = store.alias_history("solar", "production")
    assert (move.number, move.previous) == (1, 9)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", "expected an object"),
        ('{"production": {"number": 0}}', "production: 0 is not a version's number"),
        ('{"production": {"number": true}}', "production: True is not a version's number"),
        ('{"production": {"number": 1, "history": 3}}', "production: expected an object with a number"),
        ('{"production": {"number": 1, "history": [3]}}', "production.history[0]: the text: expected an object"),
        ('{"production": {"number": 1, "number": ', "Expecting value"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_never_overwritten(store: Store, text: str, fault: str) -> None:
    path = write(_file(store), text)
    with pytest.raises(StoreError) as caught:
        _promote(store, 1)
    assert caught.value.message == "the aliases can't be read"
    assert caught.value.context[0].startswith(f"{path}: {fault}")
    assert path.read_text() == text


@pytest.mark.parametrize("place", ["entry", "event"])
def test_what_a_newer_yolow_wrote_is_not_lost(store: Store, place: str) -> None:
    _promote(store, 1)
    document = json.loads(_file(store).read_text())
    entry = document["production"]
    (entry if place == "entry" else entry["history"][0])["colour"] = "blue"
    text = json.dumps(document)
    write(_file(store), text)
    with pytest.raises(StoreError) as caught:
        _promote(store, 2)
    assert "colour: unknown" in caught.value.context[0]
    assert caught.value.note == "a newer yolow may have written what is unknown here"
    assert _file(store).read_text() == text


def test_a_pipe_in_the_place_of_the_file_keeps_nobody_waiting(store: Store) -> None:
    os.mkfifo(_file(store))
    with pytest.raises(StoreError, match="the aliases can't be read"):
        store.aliases("solar")


def test_reasons_may_be_any_text(store: Store) -> None:
    _promote(store, 1, "lone \udcff surrogate, \x1b[31m, 猫")
    [move] = store.alias_history("solar")
    assert move.reason == "lone \\udcff surrogate, \x1b[31m, 猫"


def _climb(root: Path, worker: int) -> None:
    """Promote versions if they are better, from several threads; the number stands for how good one is."""
    store = Store(root)

    def better(number: int) -> None:
        def decide(holder: WeightsVersion | None) -> WeightsVersion:
            if holder is not None and holder.number >= number:
                raise ConflictError("the holder is better")
            return store.get("solar", number)

        try:
            store.change_alias("solar", "production", decide, reason=f"from {worker}")
        except ConflictError:
            return

    numbers = list(range(1, VERSIONS + 1))
    random.Random(worker).shuffle(numbers)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(better, numbers))


def test_a_hundred_at_once_end_with_the_best(tmp_path: Path) -> None:
    store = Store(tmp_path / "weights")
    for _ in range(VERSIONS):
        add(store, tmp_path)
    with ProcessPoolExecutor(PROCESSES) as pool:
        list(pool.map(_climb, [store.root] * PROCESSES, range(PROCESSES)))
    moves = store.alias_history("solar", "production")
    assert store.alias("solar", "production") == VERSIONS == moves[-1].number
    assert [move.sequence for move in moves] == list(range(1, len(moves) + 1))
    assert [move.previous for move in moves[1:]] == [move.number for move in moves[:-1]]
    numbers = [move.number or 0 for move in moves]
    assert numbers == sorted(set(numbers)), "a worse version took the alias over"


def test_a_kill_at_any_step_leaves_the_old_or_the_new_history(store: Store) -> None:
    _promote(store, 3)
    seen = set()
    for _ in kills(lambda: _promote(store, 2)):
        moves = [(move.sequence, move.previous, move.number) for move in store.alias_history("solar")]
        assert moves in ([(1, None, 3)], [(1, None, 3), (2, 3, 2)])
        assert store.alias("solar", "production") == moves[-1][2]
        seen.add(len(moves))
    assert 1 in seen
    assert len(store.alias_history("solar")) == 2, (
        "the last one was not killed, or one before was done already"
    )
    _promote(store, 1)
    assert [path.name for path in (store.root / "solar").iterdir() if path.name.startswith(".")] == []
