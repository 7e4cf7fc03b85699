"""Aliases of a name: movable words for its versions, and the history of their moves.

<root>/solar/aliases.json    {"production": {"number": 3, "history": [{"sequence": 1, "number": 2, …}, …]}}

A dropped alias stays there with the number null, so that its history goes on where it ended. A file of an older yolow
has numbers alone; its history begins with the next move.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolow.errors import StoreError, WeightsNotFoundError
from yolow.store.not_found import unknown_alias, unknown_name
from yolow.store.reference import valid_alias
from yolow.store.strict_json import parse_json, read_small_file, read_typed
from yolow.store.version import WeightsVersion

if TYPE_CHECKING:
    from yolow.store.store import Store

ALIASES_FILE = "aliases.json"


@dataclass(frozen=True, kw_only=True)
class AliasEvent:
    """One move of an alias.

    Attributes:
        alias: `production`.
        sequence: 1 for the alias's first move, without gaps.
        number: of the version that it stands for since; None: it was dropped.
        previous: of the version that it stood for before; None: none.
        changed: when, ISO 8601, UTC.
        reason: in the words of whoever moved it; may be empty.
    """

    alias: str
    sequence: int
    number: int | None
    previous: int | None
    changed: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AliasState:
    """An alias: the number that it stands for (None: dropped) and its moves, oldest first."""

    number: int | None = None
    history: tuple[AliasEvent, ...] = ()


def read_aliases(home: Path) -> dict[str, AliasState]:
    """The aliases of a name, dropped ones too.

    Args:
        home: the folder of the name.

    Raises:
        StoreError: `aliases.json` can't be read.
    """
    path = home / ALIASES_FILE
    try:
        text = read_small_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _unreadable(str(path), [str(error)]) from error
    return parse_aliases(text, source=str(path))


def parse_aliases(text: bytes, *, source: str) -> dict[str, AliasState]:
    """The aliases that the text of an `aliases.json` says.

    Args:
        text: JSON in UTF-8.
        source: what to call it in errors.

    Raises:
        StoreError: it is no such text.
    """
    try:
        value = parse_json(text)
    except ValueError as error:
        raise _unreadable(source, [str(error)]) from error
    faults: list[str] = []
    if not isinstance(value, dict):
        raise _unreadable(source, ["expected an object"])
    states = {alias: _state(alias, entry, faults) for alias, entry in value.items()}
    if faults:
        raise _unreadable(source, faults)
    return states


def _state(alias: str, entry: Any, faults: list[str]) -> AliasState:
    if not isinstance(entry, dict) or "number" not in entry or not isinstance(entry.get("history", []), list):
        faults.append(f"{alias}: expected an object with a number")
        return AliasState()
    # A newer yolow may know more; a move would lose it.
    faults += [f"{alias}.{key}: unknown" for key in entry.keys() - {"number", "history"}]
    number = entry["number"]
    if number is not None and (type(number) is not int or number < 1):
        faults.append(f"{alias}: {number!r} is not a version's number")
    events = []
    for index, item in enumerate(entry.get("history", [])):
        known, found = {**item, "alias": alias} if isinstance(item, dict) else item, list[str]()
        if (event := read_typed(AliasEvent, known, found)) is not None:
            events.append(event)
        faults += [f"{alias}.history[{index}]: {fault}" for fault in found]
    return AliasState(number=number, history=tuple(events))


def _unreadable(source: str, reasons: list[str]) -> StoreError:
    is_newer = any(reason.endswith(": unknown") for reason in reasons)
    return StoreError(
        "the aliases can't be read",
        context=[f"{source}: {reason}" for reason in reasons],
        note="a newer yolow may have written what is unknown here" if is_newer else None,
    )


def history(home: Path, alias: str | None) -> tuple[AliasEvent, ...]:
    """See `Store.alias_history`."""
    events = [
        event
        for word, state in read_aliases(home).items()
        if alias in (None, word)
        for event in state.history
    ]
    return tuple(sorted(events, key=lambda event: (event.changed, event.alias, event.sequence)))


def change_alias(
    store: Store,
    name: str,
    alias: str,
    decide: Callable[[WeightsVersion | None], WeightsVersion],
    *,
    reason: str,
) -> AliasEvent:
    """See `Store.change_alias`."""
    valid_alias(alias)
    if not store.numbers(name):
        raise unknown_name(store.root, f"{name}:{alias}", name)
    from yolow.store.staging import explained, store_lock

    with explained(store.root, f"the alias {name}:{alias} can't be moved"), store_lock(store.root):
        states = read_aliases(store.root / name)
        state = states.get(alias, AliasState())
        holder = _holder(store, name, state.number)
        chosen = decide(holder)
        if chosen.name != name:
            raise StoreError(f"{name}:{alias} can't stand for {chosen.reference}", context=["names differ"])
        store.get(name, chosen.number)  # it may have been removed before the lock was ours
        if chosen.number == state.number:
            return state.history[-1] if state.history else _unrecorded(alias, state.number)
        return _move(store.root / name, states, alias, chosen.number, reason)


def drop_alias(store: Store, name: str, alias: str, reason: str) -> AliasEvent:
    """See `Store.drop_alias`."""
    valid_alias(alias)
    if alias not in store.aliases(name):
        raise unknown_alias(store.root, name, alias, store.aliases(name))
    from yolow.store.staging import explained, store_lock

    with explained(store.root, f"the alias {name}:{alias} can't be dropped"), store_lock(store.root):
        states = read_aliases(store.root / name)
        if states.get(alias, AliasState()).number is None:
            raise unknown_alias(store.root, name, alias, store.aliases(name))
        return _move(store.root / name, states, alias, None, reason)


def drop_aliases_of(home: Path, number: int, reason: str) -> None:
    """Drop all aliases of a version that is about to be removed; the store is locked."""
    for alias, state in read_aliases(home).items():
        if state.number == number:
            _move(home, read_aliases(home), alias, None, reason)


def _holder(store: Store, name: str, number: int | None) -> WeightsVersion | None:
    if number is None:
        return None
    try:
        return store.get(name, number)
    except WeightsNotFoundError:  # removed by hand: then nobody holds the alias
        return None


def _move(
    home: Path, states: Mapping[str, AliasState], alias: str, number: int | None, reason: str
) -> AliasEvent:
    from yolow.store.staging import replace_whole, sync_folder

    event, moved = with_move(states, alias, number, reason)
    replace_whole(home / ALIASES_FILE, aliases_text(moved))
    sync_folder(home)
    return event


def with_move(
    states: Mapping[str, AliasState], alias: str, number: int | None, reason: str
) -> tuple[AliasEvent, dict[str, AliasState]]:
    """An alias's move, and all aliases after it."""
    from yolow.store.staging import timestamp

    state = states.get(alias, AliasState())
    event = AliasEvent(
        alias=alias,
        sequence=state.history[-1].sequence + 1 if state.history else 1,
        number=number,
        previous=state.number,
        changed=timestamp(),
        reason=reason.encode("utf-8", "backslashreplace").decode(),
    )
    return event, {**states, alias: AliasState(number=number, history=(*state.history, event))}


def aliases_text(states: Mapping[str, AliasState]) -> bytes:
    """The text of `aliases.json`."""
    document = {alias: _document(states[alias]) for alias in sorted(states)}
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _document(state: AliasState) -> dict[str, Any]:
    history = [
        {key: value for key, value in asdict(event).items() if key != "alias"} for event in state.history
    ]
    return {"number": state.number, "history": history}


def _unrecorded(alias: str, number: int | None) -> AliasEvent:
    """For an alias that an older yolow or a person set: nothing is known but its number."""
    return AliasEvent(alias=alias, sequence=0, number=number, previous=None, changed="", reason="")
